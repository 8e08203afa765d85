"""The sounds of one page: a cut of a recording, its degraded versions and its anchors.

All of a page start and end at the same sample and have the same loudness, so that nothing but
quality tells them apart. Processes are those of the training sets, mono at 48 kHz; each gets audio
before and after the cut, so that no encoder starts or ends within it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.lowpass import CHEBYSHEV_1, LowpassParams
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES
from musqa_pipeline.audio.degradations.rebuild import aligned, with_gain
from musqa_pipeline.audio.files.limits import MAX_RECORDING_S
from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.core.errors import SettingsError, ToolError, UnfitInputError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.studies.listening.plan import PagePlan
from musqa_pipeline.studies.listening.ratings import REFERENCE
from musqa_pipeline.studies.listening.settings import ANCHORS_HZ, StimuliSettings

ANCHOR_ORDER = 10
"""Paper 001, section III.G.1."""
ANCHOR_RIPPLE_DB = 0.2
"""Peak to peak: the ±0.1 dB that BS.1534 allows an anchor. The 3.5 kHz anchor is then down by 31.7
dB at 4 kHz and by 49.7 dB at 4.5 kHz (BS.1534 asks for 25 and 50)."""
LEAD_SAMPLES = SAMPLE_RATE_HZ // 2
"""Audio before the cut that filters and encoders start on."""
N_PLACES = 24
"""Places that are tried for a cut."""
QUIETER_LU = 3.0
"""A place may be so much quieter than the recording as a whole."""


@dataclass(frozen=True, eq=False)
class Stimulus:
    """One sound of a page."""

    condition: str
    """reference, anchor_3500, anchor_7000, or process_ and its number."""
    samples: NDArray[np.float32]
    """Shape (samples,): mono, 48 kHz, within full scale."""
    facts: Mapping[str, Any]
    """What the key says of it: process, bitrate, cut-off, place, gain."""


def make_page(page: PagePlan, settings: StimuliSettings) -> list[Stimulus]:
    """Make the sounds of one page: the reference, the processes in order, the anchors.

    They are the same samples every time.

    Raises
    ------
    SettingsError
        If the recording cannot be read, is out of the limits, shorter than the cut, or too quiet.
    ToolError
        If ffmpeg is missing or fails.
    """
    try:
        signal = read_signal(page.file, max_duration_s=MAX_RECORDING_S)
    except UnfitInputError as error:
        raise SettingsError(f"{page.file}: {error.detail}; {error.advice}") from error
    n_samples = round(page.duration_s * SAMPLE_RATE_HZ)
    start = _start(signal.samples, n_samples, page, settings)
    first = max(0, start - LEAD_SAMPLES)
    context = signal.samples[first : start + n_samples + TAIL_SAMPLES]
    lead = start - first
    made = {REFERENCE: context, **_degraded(context, page)}
    cuts = {name: _cut(x, lead, n_samples, page) for name, x in made.items()}
    gains_db = {name: _gain_db(x, name, page, settings) for name, x in cuts.items()}
    peak = max(float(np.abs(with_gain(x, gains_db[name])).max()) for name, x in cuts.items())
    # One step down for all of a page, so that loudness stays equal where one would clip.
    headroom_db = max(0.0, 20.0 * float(np.log10(peak)) + 0.1)
    window = _fades(n_samples, settings.fade_s)
    return [
        Stimulus(
            name,
            with_gain(x, gains_db[name] - headroom_db) * window,
            {
                **_process_facts(name),
                "start_s": round(start / SAMPLE_RATE_HZ, 6),
                "duration_s": n_samples / SAMPLE_RATE_HZ,
                "gain_db": round(gains_db[name] - headroom_db, 3),
                "loudness_lufs": round(settings.target_lufs - headroom_db, 3),
            },
        )
        for name, x in cuts.items()
    ]


def anchor_params(cutoff_hz: float) -> LowpassParams:
    """Return the low-pass of an anchor, which is down by 3 dB at its cut-off."""
    return LowpassParams(cutoff_hz, CHEBYSHEV_1, order=ANCHOR_ORDER, ripple_db=ANCHOR_RIPPLE_DB)


def _degraded(context: NDArray[np.float32], page: PagePlan) -> dict[str, NDArray[np.float32]]:
    """Apply processes and anchors to a cut with its surroundings."""
    jobs: list[tuple[str, str, Any]] = [
        (f"process_{i}", PROCESSES[i].name, PROCESSES[i].params) for i in page.process_ids
    ]
    jobs += [(f"anchor_{hz:.0f}", "lowpass", anchor_params(hz)) for hz in ANCHORS_HZ]
    applied = [DEGRADATIONS[name].apply(context, params) for _, name, params in jobs]
    decoded = decode([(a.container, a.bitstream) for a in applied])
    return {
        condition: aligned(a, x)
        for (condition, _, _), a, x in zip(jobs, applied, decoded, strict=True)
    }


def _start(
    samples: NDArray[np.float32], n_samples: int, page: PagePlan, settings: StimuliSettings
) -> int:
    """Return where the cut starts: as planned, or at the first place drawn that is loud enough."""
    last = len(samples) - n_samples
    if last < 0 or (page.start_s is not None and page.start_s * SAMPLE_RATE_HZ > last):
        raise SettingsError(
            f"{page.file} lasts {len(samples) / SAMPLE_RATE_HZ:.1f} s: expected "
            f"{(page.start_s or 0.0) + page.duration_s:.1f} s or more; start earlier, cut shorter "
            "or take another recording"
        )
    if page.start_s is not None:
        return round(page.start_s * SAMPLE_RATE_HZ)
    rng = derive_generator("listening", "place", settings.seed, page.recording)
    whole_lufs = integrated_lufs(samples)
    places = [int(draw * (last + 1)) for draw in rng.random(N_PLACES)]
    loudness_lufs = []
    for place in places:
        loudness_lufs.append(integrated_lufs(samples[place : place + n_samples]))
        if loudness_lufs[-1] >= whole_lufs - QUIETER_LU:
            return place
    return places[int(np.argmax(loudness_lufs))]


def _cut(x: NDArray[np.float32], lead: int, n_samples: int, page: PagePlan) -> NDArray[np.float32]:
    """Take the cut out of its surroundings; at a recording's very end codecs lose a little."""
    cut = x[lead : lead + n_samples]
    short = n_samples - len(cut)
    if short > TAIL_SAMPLES:
        raise ToolError(
            f"{page.file}: a decoded stream lacks {short} samples; this ffmpeg's codecs differ "
            "from those that musqa was measured with: use the one that imageio-ffmpeg ships"
        )
    return np.pad(cut, (0, short)) if short > 0 else cut


def _gain_db(x: NDArray[np.float32], name: str, page: PagePlan, settings: StimuliSettings) -> float:
    measured_lufs = integrated_lufs(x)
    if not np.isfinite(measured_lufs):
        raise SettingsError(
            f"{page.file}: {name} has nothing above -70 LUFS; take another place or recording"
        )
    return settings.target_lufs - measured_lufs


def _fades(n_samples: int, fade_s: float) -> NDArray[np.float32]:
    """Return a window that rises and falls as half a cosine."""
    window = np.ones(n_samples)
    n = round(fade_s * SAMPLE_RATE_HZ)
    if n:
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
        window[:n], window[-n:] = ramp, ramp[::-1]
    return window.astype(np.float32)


def _process_facts(condition: str) -> dict[str, Any]:
    facts: dict[str, Any] = dict.fromkeys(("process_id", "process", "bitrate_kbps", "cutoff_hz"))
    if condition.startswith("process_"):
        process = PROCESSES[int(condition.removeprefix("process_"))]
        facts |= {"process_id": process.process_id, "process": process.name}
        facts |= {"bitrate_kbps": process.bitrate_kbps, "cutoff_hz": process.cutoff_hz}
    elif condition.startswith("anchor_"):
        facts["process"], facts["cutoff_hz"] = "lowpass", float(condition.removeprefix("anchor_"))
    return facts
