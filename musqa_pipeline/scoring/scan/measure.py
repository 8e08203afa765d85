"""One file of a scan, from its path to its record: what a worker process does."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.audio.measures.dynamics import crest_factor_db, loudness_range_lu
from musqa_pipeline.core.errors import MusqaError, SettingsError, UnfitInputError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.scoring.origin.meter import OriginMeter
from musqa_pipeline.scoring.origin.spectrum import Spectrum, analyse
from musqa_pipeline.scoring.origin.verdict import LIKELY, POSSIBLE
from musqa_pipeline.scoring.scan.content import content_key
from musqa_pipeline.scoring.scan.damage import explained
from musqa_pipeline.scoring.scan.fingerprints import fingerprint_words, pack
from musqa_pipeline.scoring.scan.reading import Recording, read_recording
from musqa_pipeline.scoring.scan.store import FILE, Result, ScanStore
from musqa_pipeline.scoring.scan.thumbnails import thumbnail
from musqa_pipeline.scoring.scan.together import together
from musqa_pipeline.scoring.score import Score, WindowScore
from musqa_pipeline.scoring.scorer import Scorer

VERSION = 6
"""Raised when the same file and model begin to give another result."""
MOST_EXCERPTS = 20
MOST_EVENTS = 40
"""Kept of a recording, the longest first: a page holds those of thousands."""


LIKELINESS = {LIKELY: "likely", POSSIBLE: "possible"}


@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """How much of each recording is listened to."""

    n_excerpts: int = 3
    """Excerpts of 10 s a recording, spread evenly; a recording that has no more is heard whole
    (`reading.py`)."""
    full: bool = False
    """Whether the whole recording is scored, window by window, in place of the excerpts."""

    def __post_init__(self) -> None:
        if not 1 <= self.n_excerpts <= MOST_EXCERPTS:
            raise SettingsError(
                f"n_excerpts={self.n_excerpts}: expected 1 to {MOST_EXCERPTS}; for more of each "
                "recording use --full"
            )

    def key(self, model_digest: str) -> str:
        """Return the hash of all that a result depends on beside the file."""
        return digest(
            {
                "version": VERSION,
                "model": model_digest,
                "n_excerpts": 0 if self.full else self.n_excerpts,
                "full": self.full,
            }
        )


@dataclass(frozen=True)
class Task:
    """A file to work on."""

    library: str
    path: bytes
    """Relative to the library."""
    store: str
    """Folder of the store, for looking up what is known."""
    model: str
    settings: ScanSettings
    setting: str
    """Key of settings and model."""


@dataclass(frozen=True)
class Done:
    """What became of a file."""

    path: bytes
    found: Result | str
    """What was measured; or a key whose result is known; or, with `refused`, the reason."""
    refused: bool = False


def work(task: Task) -> Done:
    """Measure a file, unless its content is known; one that cannot serve has the reason.

    Raise MusqaError if the fault is not the file's: the model, the store.
    """
    path = Path(os.fsdecode(os.path.join(os.fsencode(task.library), task.path)))  # noqa: PTH118
    try:
        before = path.stat()
        key = content_key(path)
        if _known(task, key):
            return Done(task.path, key)
        with _quiet_decoders():
            result = measure(path, key, _scorer(task.model), task.settings)
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise UnfitInputError(
                "changed", "the file changed while it was read", "scan again when it is written"
            )
    except UnfitInputError as error:
        return Done(task.path, str(error), refused=True)
    except OSError as error:
        reason = f"unreadable: {error.strerror or error}; check the path and your permission"
        return Done(task.path, reason, refused=True)
    except MusqaError:
        raise
    except Exception as error:  # a fault of ours must not cost the other files
        reason = f"failed: {type(error).__name__}: {error}; report it"
        return Done(task.path, reason, refused=True)
    return Done(task.path, result)


def measure(path: Path, key: str, scorer: Scorer, settings: ScanSettings) -> Result:
    """Score a file, whose content has this key, and describe it.

    The record holds the fields of `Score`, windows and events at their times in the file, and
    `codec`, `is_lossy`, `heard_s`, `cliff_db`, `cliff_hz`, `gaps_frac`, `lossy_origin`,
    `loudness_range_lu`, `crest_factor_db`. Raise UnfitInputError if the file cannot be read or is
    damaged.
    """
    recording = read_recording(path, settings.n_excerpts)
    info = recording.info
    rate_hz = info.sample_rate_hz
    meter = OriginMeter(rate_hz, info.codec if info.is_lossy else "")
    for excerpt in recording.excerpts:
        meter.push(excerpt.samples, round(excerpt.start_s * rate_hz))
    if settings.full:
        scores = [scorer.score_file(path)]
    else:
        scores = [_at(e.start_s, scorer.score(e.samples, rate_hz)) for e in recording.excerpts]
    score = together(scores, recording.duration_s, meter.origin())
    if not settings.full and any(e.n_not_finite for e in recording.excerpts):
        score = replace(score, flags=(*score.flags, "not_finite"))
    mono = [to_mono(e.samples) for e in recording.excerpts]
    return Result(
        key,
        _record(recording, score, analyse(mono, rate_hz)) | _dynamics(recording),
        pack(fingerprint_words(x, rate_hz) for x in mono),
        thumbnail(mono, rate_hz),
    )


def _record(recording: Recording, score: Score, spectrum: Spectrum) -> dict[str, Any]:
    info = recording.info
    record = score.as_dict()
    events = sorted(score.events, key=lambda e: e.stop_s - e.start_s, reverse=True)[:MOST_EVENTS]
    record["events"] = [asdict(e) for e in sorted(events, key=lambda e: (e.start_s, e.kind))]
    record["windows"] = [asdict(w) for w in score.windows]
    record["duration_s"] = recording.duration_s
    return _rounded(
        {
            **record,
            "codec": info.codec,
            "is_lossy": info.is_lossy,
            "heard_s": _heard_s(score.windows),
            "cliff_db": spectrum.cliff_db,
            "cliff_hz": spectrum.cliff_hz,
            "gaps_frac": spectrum.gaps_frac,
            "lossy_origin": LIKELINESS.get(score.origin.verdict if score.origin else "", ""),
        }
    )


def _heard_s(windows: Iterable[WindowScore]) -> float:
    """Return the length of what windows cover; the last of a section overlaps the one before."""
    total_s = until_s = 0.0
    for window in sorted(windows, key=lambda w: w.start_s):
        total_s += max(0.0, window.stop_s - max(window.start_s, until_s))
        until_s = max(until_s, window.stop_s)
    return total_s


def _dynamics(recording: Recording) -> dict[str, Any]:
    parts = [e.samples for e in recording.excerpts]
    return _rounded(
        {
            "loudness_range_lu": loudness_range_lu(parts, recording.info.sample_rate_hz),
            "crest_factor_db": crest_factor_db(parts),
        }
    )


def _rounded(value: Any) -> Any:
    """Round floats to 4 decimals, which is finer than anything is measured."""
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _at(start_s: float, score: Score) -> Score:
    """Move windows and events of an excerpt to its place."""

    def moved(spans: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(
            replace(s, start_s=s.start_s + start_s, stop_s=s.stop_s + start_s) for s in spans
        )

    return replace(score, windows=moved(score.windows), events=moved(score.events))


@contextmanager
def _quiet_decoders() -> Iterator[None]:
    """Keep what decoders write about bad files off the terminal: the file's row says it."""
    stderr = os.dup(2)
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


@functools.cache
def _scorer(model: str) -> Scorer:
    return Scorer(model, origin=False)  # that is told of all excerpts at once


def _known(task: Task, key: str) -> bool:
    store = Path(task.store)
    with explained(store / FILE):
        inode = (store / FILE).stat().st_ino
    return _store(task.store, inode).has(key, task.setting)


@functools.cache
def _store(folder: str, inode: int) -> ScanStore:
    """Open the store; one that is set aside is another than that which follows."""
    return ScanStore(Path(folder), read_only=True)
