"""Random processes: which degradation, with which parameters, drawn per row and stored as data.

A row depends on (seed, reference, its number) and on the rows before it, so that fewer rows are
the first of more. What is drawn is what sounds like the paper's tables without being in them; a
model that knows the tables alone fails silently on the rest.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

import numpy as np

from musqa_pipeline.audio.degradations.applied import one_of
from musqa_pipeline.audio.degradations.carriers.chains import Chain
from musqa_pipeline.audio.degradations.codecs import VBR, Codec, CodecParams
from musqa_pipeline.audio.degradations.effects import ResampleParams
from musqa_pipeline.audio.degradations.lowpass import FAMILY_WEIGHTS, Lowpass, LowpassParams
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES, Process
from musqa_pipeline.audio.degradations.written import check_params
from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.names import short
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.per_catalog import EFFECT_NAMES, LOWPASS_HZ, RANDOM_NAMES

RULES_VERSION = 1
"""Raised when the same seed draws something else; part of the fingerprint where rows are random."""

NAME_WEIGHTS = {
    "lowpass": 0.35,
    "resample": 0.15,
    "mp3": 0.16,
    "adts": 0.12,
    "opus": 0.1,
    "ogg": 0.08,
    "mp2": 0.04,
}
"""How often each degradation is drawn. Quality is first of all bandwidth, and unseen slopes and
cut-offs are what models fail on; MP2 has but 14 rates."""
EFFECT_WEIGHTS = dict.fromkeys(EFFECT_NAMES, 0.1)
"""How often each effect is drawn where `names` has it, on the scale of `NAME_WEIGHTS`: of a row of
all names together 44 % are effects, each as often as Opus."""
STRENGTHS = {
    "limiter": ("threshold_db", -24.0, -6.0),
    "clipping": ("threshold_db", -24.0, -3.0),
    "distortion": ("drive_db", 0.0, 30.0),
    "reverb": ("wet_fraction", 0.1, 0.7),
    "echo": ("wet_fraction", 0.1, 0.5),
    "white_noise": ("snr_db", 5.0, 50.0),
    "pink_noise": ("snr_db", 5.0, 50.0),
    "bit_crush": ("bit_depth", 3.0, 12.0),
}
"""What of an effect says how strong it is, and between which limits that is drawn; each third of
them is a class."""

FIRST_RANDOM_ID = 100
"""Class ids of random processes start here, beyond the numbers of tables I and II."""
_PARAMS: dict[str, type[Any]] = {
    name: get_type_hints(degradation.draw)["return"]
    for name, degradation in DEGRADATIONS.items()
    if not isinstance(degradation, Codec)
}
"""What each `draw` says that it gives, so that a written-down process can be read again."""


def draw_random(
    excerpt_id: str,
    n_rows: int,
    *,
    seed: int,
    cascade_fraction: float,
    first: int = 1,
    names: Sequence[str] = RANDOM_NAMES,
    lowpass_hz: Sequence[float] = LOWPASS_HZ,
) -> list[tuple[Process, ...]]:
    """Draw the random rows of one reference."""
    seen: set[tuple[Process, ...]] = set()
    listed = {(process.name, process.params) for process in PROCESSES.values()}
    may_be = NAME_WEIGHTS | EFFECT_WEIGHTS
    weights = {name: weight for name, weight in may_be.items() if name in names}
    if weights != NAME_WEIGHTS:
        weights = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    rows = []
    for number in range(first, first + n_rows):
        rng = derive_generator("degradations-random", seed, excerpt_id, number)
        is_cascade = rng.random() < cascade_fraction
        while True:
            both = _drawn(rng, weights, lowpass_hz), _drawn(rng, weights, lowpass_hz)
            processes = both[: 1 + is_cascade]
            alone = processes[0].name, processes[0].params
            if processes not in seen and (is_cascade or alone not in listed):
                break
        seen.add(processes)
        rows.append(processes)
    return rows


def params_json(process: Process) -> str:
    """Write down a process."""
    if isinstance(process.params, Chain):
        return json.dumps(process.params.as_data())
    given = dataclasses.asdict(process.params)
    return json.dumps({k: v for k, v in given.items() if v is not None})


def process_of(name: str, params: str) -> Process:
    """Read a process that was written down.

    Raises StageError if there is no such degradation, or it takes no such parameters.
    """
    if name not in DEGRADATIONS:
        raise StageError(
            f"{short(name)} is no degradation; expected one of {', '.join(DEGRADATIONS)}"
        )
    kind = _PARAMS.get(name, CodecParams)
    absent = dict.fromkeys(f.name for f in dataclasses.fields(kind))
    try:
        given = json.loads(params)
        written = Chain.of(given) if kind is Chain else kind(**{**absent, **given})
    except SettingsError as error:
        raise StageError(f"{name}: {error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise StageError(
            f"{name} has parameters {short(params)}, which are no JSON object of "
            f"{', '.join(absent)} ({type(error).__name__})"
        ) from error
    check_params(name, DEGRADATIONS[name], written)
    return numbered(name, written)


def class_id(name: str, params: Any) -> int:
    """Class of a random process, so that a draw can be spread over what is alike."""
    if isinstance(params, LowpassParams):
        family = list(FAMILY_WEIGHTS).index(params.family)
        return FIRST_RANDOM_ID + 10 * family + _octave(params.cutoff_hz, 2_500.0, 3)
    if isinstance(params, ResampleParams):
        resample = DEGRADATIONS[name]
        way = resample.qualities.index(params.quality)  # type: ignore[attr-defined]
        return FIRST_RANDOM_ID + 100 + 10 * way + _octave(params.sample_rate_hz, 8_000.0, 3)
    codec = DEGRADATIONS[name]
    if not isinstance(codec, Codec):
        base = FIRST_RANDOM_ID + 200 + 10 * list(_PARAMS).index(name)
        if name not in STRENGTHS:
            return base
        field, low, high = STRENGTHS[name]
        return base + _third(getattr(params, field), low, high)
    base = FIRST_RANDOM_ID + 50 + 10 * ("mp2", "mp3", "adts", "ogg", "opus").index(name)
    if params.control == VBR:
        assert codec.qualities is not None
        low, high = codec.qualities
        return base + 6 + _third(params.quality, low, high)
    return base + _octave(params.bitrate_kbps, 16.0, 5)


def _octave(value: float, lowest: float, n: int) -> int:
    """Octave above `lowest`, from 0 to n - 1."""
    return min(n - 1, max(0, math.floor(math.log2(value / lowest))))


def _third(value: float, low: float, high: float) -> int:
    """Third of a range, from 0 to 2."""
    return min(2, max(0, int(3 * (value - low) / (high - low))))


def _drawn(
    rng: np.random.Generator, weights: Mapping[str, float], lowpass_hz: Sequence[float]
) -> Process:
    name = one_of(rng, weights)
    degradation = DEGRADATIONS[name]
    if isinstance(degradation, Lowpass):
        return numbered(name, degradation.draw(rng, *lowpass_hz))
    return numbered(name, degradation.draw(rng))


def numbered(name: str, params: Any) -> Process:
    """Make a process of a degradation and its parameters, numbered by their class."""
    return Process(class_id(name, params), name, params)
