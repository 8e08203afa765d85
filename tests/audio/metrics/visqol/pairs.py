"""Over 300 named pairs of a reference and a degraded version, to compare two ViSQOLs on.

A name stands for the same samples in every process of one machine. Between machines the last bit
of a synthesised sample or of a decoded stream may differ; so whoever keeps scores of a pair keeps
`samples_hash` with them, and does not use them where it differs.

`Pair.processes` go through the project's own encoders, decoders and filter (tables I and II of the
paper by their numbers), with 16 bit in between; `Pair.edits` follow, on what was cut to the
length of the reference. All chance comes from a generator seeded with the pair's name.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.audio.degradations.codecs import Codec, encode_all
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES
from musqa_pipeline.audio.degradations.rebuild import aligned
from musqa_pipeline.audio.files.flac import to_int16
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.catalogs.demo_music.catalog import TrackPlan
from musqa_pipeline.core.seeds import derive_generator
from tests.audio.metrics.visqol.edits import EDITS
from tests.audio.music import music

PAIRS_AT_ONCE = 16
"""They share ffmpeg processes and first halves; about 4 MB each."""

_STYLE_INDEX = {"folk": 2, "jazz": 4, "percussion": 8, "quartet": 1}
_SEED = 11


@dataclass(frozen=True)
class Pair:
    """What one pair is made of; its name says it all."""

    reference: str
    """A key of `REFERENCES`."""
    processes: tuple[int, ...] = ()
    """Numbers of tables I and II, one after the other."""
    edits: tuple[tuple[str, float | str], ...] = ()
    """Keys of `visqol_edits.EDITS`, each with its strength."""

    @property
    def name(self) -> str:
        """For example ``folk/p9_p17/late=1105``."""
        parts = [self.reference, "_".join(f"p{i}" for i in self.processes)]
        parts += [f"{name}={strength}" for name, strength in self.edits]
        return "/".join(part for part in parts if part)


def _synthesised(style: str, duration_s: float) -> np.ndarray:
    tail_s = TAIL_SAMPLES / SAMPLE_RATE_HZ
    plan = TrackPlan(_STYLE_INDEX[style], _SEED, duration_s + tail_s)
    return _at_target_loudness(plan.samples().mean(axis=0))


def _at_target_loudness(x: np.ndarray) -> np.ndarray:
    """Bring to -23 LUFS and 16 bit, as references of the pipeline are."""
    gain = 10.0 ** ((-23.0 - integrated_lufs(x.astype(np.float32))) / 20.0)
    return to_int16(x * gain).astype(np.float32) / np.float32(32768.0)


def _piece(style: str, start_s: float, duration_s: float) -> np.ndarray:
    start = int(start_s * SAMPLE_RATE_HZ)
    return _with_tail(style)[start : start + int(duration_s * SAMPLE_RATE_HZ) + TAIL_SAMPLES]


def _pauses() -> np.ndarray:
    """Half a second of music, then a second of faint noise, and again: as sparse as speech."""
    x = _with_tail("jazz").astype(np.float64)
    playing = np.arange(len(x)) % 72_000 < 24_000
    noise = derive_generator("visqol-pairs", "pauses").standard_normal(len(x))
    return _at_target_loudness(np.where(playing, x, 0.0) + 1e-4 * noise)


REFERENCES: dict[str, Callable[[], np.ndarray]] = {
    "notes": music,
    **{style: functools.partial(_synthesised, style, 10.0) for style in _STYLE_INDEX},
    "pauses": _pauses,
    "jazz_3s": functools.partial(_piece, "jazz", 2.0, 3.0),
    "percussion_5s": functools.partial(_piece, "percussion", 4.0, 5.0),
    "folk_odd": functools.partial(_piece, "folk", 1.0, 7.7777),
    "folk_20s": functools.partial(_synthesised, "folk", 20.0),
}
"""Makers of references: float32 of 16 bit, mono, 48 kHz, -23 LUFS, with a tail of 200 ms."""


@functools.cache
def _with_tail(name: str) -> np.ndarray:
    x = REFERENCES[name]()
    x.flags.writeable = False
    return x


def make_reference(name: str) -> np.ndarray:
    """Return a reference without its tail."""
    return _with_tail(name)[:-TAIL_SAMPLES]


def make_pairs(pairs: Iterable[Pair]) -> Iterator[tuple[Pair, np.ndarray, np.ndarray]]:
    """Yield pairs with the samples of reference and degraded signal (float32, mono, 48 kHz)."""
    pairs = list(pairs)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        batch = pairs[start : start + PAIRS_AT_ONCE]
        made = _processed(batch)
        for pair in batch:
            reference = make_reference(pair.reference)
            x = made[pair.reference, pair.processes][: len(reference)]
            rng = derive_generator("visqol-pairs", pair.name)
            for name, strength in pair.edits:
                x = EDITS[name](x, strength, rng)
            yield pair, reference, np.ascontiguousarray(x, np.float32)


def _processed(pairs: list[Pair]) -> dict[tuple[str, tuple[int, ...]], np.ndarray]:
    """Run the processes of some pairs, common beginnings once."""
    made = {(pair.reference, ()): _with_tail(pair.reference) for pair in pairs}
    for depth in range(1, 1 + max(len(pair.processes) for pair in pairs)):
        wanted = {
            (pair.reference, pair.processes[:depth])
            for pair in pairs
            if len(pair.processes) >= depth
        }
        keys = sorted(wanted)
        inputs = {(name, ids[:-1]): to_int16(made[name, ids[:-1]]) for name, ids in keys}
        coded, applied = [], {}
        for key in keys:
            pcm, process = inputs[key[0], key[1][:-1]], PROCESSES[key[1][-1]]
            degradation = DEGRADATIONS[process.name]
            if isinstance(degradation, Codec):
                coded.append((key, (pcm, degradation, process.params)))
            else:
                x = pcm.astype(np.float32) / np.float32(32768.0)
                applied[key] = degradation.apply(x, process.params)
        encoded = encode_all([job for _, job in coded])
        applied |= {key: stream for (key, _), stream in zip(coded, encoded, strict=True)}
        decoded = decode([(applied[key].container, applied[key].bitstream) for key in keys])
        for key, x in zip(keys, decoded, strict=True):
            made[key] = aligned(applied[key], x)
    return made


def samples_hash(reference: np.ndarray, degraded: np.ndarray) -> str:
    """Return 16 digits that change with any sample of a pair."""
    digest = hashlib.blake2b(digest_size=8)
    for x in (reference, degraded):
        digest.update(len(x).to_bytes(8, "little"))
        digest.update(x.astype("<f4").tobytes())
    return digest.hexdigest()
