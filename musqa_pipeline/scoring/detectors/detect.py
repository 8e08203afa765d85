"""All detectors over a recording, block by block or at once, in flat memory.

A recording is cut into sections of ten seconds that overlap a little, so that nothing hides on a
border; each detector sees one section after the other, and what it finds in neighbours is joined.
Where sections lie depends on sample counts alone, so that blocks of any size give the same events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.files.blocks import finite
from musqa_pipeline.scoring.detectors.band_edge import BAND_EDGE
from musqa_pipeline.scoring.detectors.clicks import CLICK
from musqa_pipeline.scoring.detectors.clipping import CLIPPING
from musqa_pipeline.scoring.detectors.dropouts import DROPOUT
from musqa_pipeline.scoring.detectors.finding import Detector, Finding
from musqa_pipeline.scoring.detectors.holes import HOLES
from musqa_pipeline.scoring.detectors.hum import HUM
from musqa_pipeline.scoring.detectors.noise import NOISE
from musqa_pipeline.scoring.detectors.pre_echo import PRE_ECHO
from musqa_pipeline.scoring.detectors.section import SECTION_S, Section
from musqa_pipeline.scoring.detectors.stereo import MONO_COLLAPSE
from musqa_pipeline.scoring.score import Event

DETECTORS: dict[str, Detector] = {
    d.kind: d
    for d in (BAND_EDGE, HOLES, PRE_ECHO, CLIPPING, CLICK, DROPOUT, HUM, NOISE, MONO_COLLAPSE)
}
"""Every detector by the kind of its events."""
OVERLAP_S = 0.25
SHORT_S = 0.5
"""A shorter finding belongs whole to the section in which its middle lies."""
MAX_EVENTS = 200
"""Of one kind; beyond it, neighbours further and further apart are joined."""
SILENT_PEAK = 10 ** (-70 / 20)
"""A section that never passes -70 dBFS holds nothing to find."""


class Detectors:
    """The detectors on a stream.

    Parameters
    ----------
    sample_rate_hz : int
        Of the stream, 8,000 to 192,000.
    detectors : iterable of Detector, optional
        All of the registry when left out.

    Raises
    ------
    ValueError
        If the rate is out of range.
    """

    def __init__(
        self, sample_rate_hz: int, detectors: Iterable[Detector] = tuple(DETECTORS.values())
    ) -> None:
        if not 8_000 <= sample_rate_hz <= 192_000:
            raise ValueError(
                f"sample_rate_hz={sample_rate_hz}: expected 8000 to 192000; resample it first"
            )
        self._rate = sample_rate_hz
        self._runs = {detector.kind: _Run(detector) for detector in detectors}
        self._section = round(SECTION_S * sample_rate_hz)
        self._overlap = round(OVERLAP_S * sample_rate_hz)
        self._waiting: list[NDArray[np.float32]] = []
        self._n_waiting = 0
        self._first = 0
        """Number of the first waiting sample."""
        self._done = 0
        """Samples that earlier sections have answered for."""

    def push(self, block: NDArray[np.floating]) -> None:
        """Take the next samples, of shape (frames, channels) or (frames,), any number of frames.

        Full scale is 1.0, and what is not finite counts as 0. Raise ValueError if the number of
        channels changes.
        """
        part = np.array(block, np.float32, ndmin=1)
        part = part[:, None] if part.ndim == 1 else part
        if self._waiting and part.shape[1] != self._waiting[0].shape[1]:
            raise ValueError(
                f"{part.shape[1]} channels after {self._waiting[0].shape[1]}: expected the same; "
                "begin a new stream"
            )
        part, _ = finite(part)
        self._waiting.append(part)
        self._n_waiting += len(part)
        # A whole section more must wait, so that the last one can reach back from the end.
        while self._n_waiting >= 2 * self._section:
            samples = np.concatenate(self._waiting)
            self._look(samples[: self._section], self._section - self._overlap // 2)
            kept = samples[self._section - self._overlap :].copy()
            self._waiting, self._n_waiting = [kept], len(kept)
            self._first += self._section - self._overlap

    def finish(self) -> tuple[Event, ...]:
        """Take the end of the stream; return the events in order of their start."""
        samples = np.concatenate(self._waiting) if self._waiting else np.zeros((0, 1), np.float32)
        self._waiting, self._n_waiting = [], 0
        while len(samples) > self._section:
            self._look(samples[: self._section], self._section - self._overlap // 2)
            step = min(self._section - self._overlap, len(samples) - self._section)
            samples = samples[step:]
            self._first += step
        self._look(samples, len(samples))
        events = [run.detector.event(f) for run in self._runs.values() for f in run.findings]
        return tuple(sorted(events, key=lambda e: (e.start_s, e.stop_s, e.kind)))

    def _look(self, samples: NDArray[np.float32], until: int) -> None:
        """Let every detector see one section, and keep what lies in samples not seen before."""
        start_s, stop_s = self._done / self._rate, (self._first + until) / self._rate
        self._done = self._first + until
        if not len(samples) or max(samples.max(), -samples.min()) < SILENT_PEAK:
            return
        section = Section(samples, self._rate, self._first / self._rate)
        for run in self._runs.values():
            run.add(run.detector.find(section), start_s, stop_s)


def detect(samples: NDArray[np.floating], sample_rate_hz: int) -> tuple[Event, ...]:
    """Find faults in a recording that lies in memory.

    Parameters
    ----------
    samples : ndarray of float, shape (frames, channels) or (frames,)
        Full scale is 1.0.
    sample_rate_hz : int
        8,000 to 192,000.

    Returns
    -------
    tuple of Event
        In order of their start; empty where nothing was found.

    Raises
    ------
    ValueError
        If the rate is out of range.
    """
    stream = Detectors(sample_rate_hz)
    stream.push(samples)
    return stream.finish()


class _Run:
    """What one detector has found so far, neighbours joined."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.findings: list[Finding] = []
        self._gap_s = detector.gap_s

    def add(self, found: list[Finding], start_s: float, stop_s: float) -> None:
        for finding in sorted(found, key=lambda f: (f.start_s, f.stop_s)):
            own = _within(finding, start_s, stop_s)
            if own is not None:
                self._append(own)
        while len(self.findings) > MAX_EVENTS:
            self._gap_s = 2.0 * max(self._gap_s, 0.5)
            findings, self.findings = self.findings, []
            for finding in findings:
                self._append(finding)
            if len(self.findings) == len(findings) and self._gap_s > SECTION_S * MAX_EVENTS:
                return  # all neighbours differ in kind

    def _append(self, finding: Finding) -> None:
        if self.findings:
            last = self.findings[-1]
            near = finding.start_s - last.stop_s <= self._gap_s
            if near and self.detector.alike(last, finding):
                self.findings[-1] = self.detector.join(last, finding)
                return
        self.findings.append(finding)


def _within(finding: Finding, start_s: float, stop_s: float) -> Finding | None:
    """Return the part of a finding that lies in [start_s, stop_s), None if there is none."""
    if finding.stop_s - finding.start_s < SHORT_S:
        middle_s = (finding.start_s + finding.stop_s) / 2
        return finding if start_s <= middle_s < stop_s else None
    first_s, last_s = max(finding.start_s, start_s), min(finding.stop_s, stop_s)
    if first_s >= last_s:
        return None
    return replace(finding, start_s=first_s, stop_s=last_s)
