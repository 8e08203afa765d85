"""Fine alignment: each found patch once more, with its audio aligned to the sample.

ViSQOL cuts the audio of both patches, aligns it by its envelopes, computes both spectrograms anew
and keeps the better of the two similarities. As frames are windowed and filtered from rest, one
that starts on the grid of the whole signal's frames has the same energies there: only what is off
the grid is computed.

Slices are cut with ViSQOL's arithmetic to the letter: times are multiples of 0.02 s in floating
point and are truncated to samples, which makes some starts one sample early and some slices 28,799
or 28,801 samples long.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.metrics.visqol.alignment import EnvelopeBank
from musqa_pipeline.audio.metrics.visqol.energies import N_BANDS, EnergyBank
from musqa_pipeline.audio.metrics.visqol.nsim import band_similarities, floor_together, to_db
from musqa_pipeline.audio.metrics.visqol.score import PatchSimilarity
from musqa_pipeline.audio.metrics.visqol.search import LOST, PATCH_FRAMES

PATCHES_AT_ONCE = 16
"""Aligned in one batch of transforms."""
MAX_KEPT_BANKS = 4
"""Batches whose transforms stay in memory, 10 MB each; longer references compute them again."""
MAX_KEPT_PATCHES = 256
"""Realigned patches of the reference that stay in memory, 7 kB each."""
Result = tuple[NDArray[np.float64], PatchSimilarity]


@dataclass(frozen=True)
class Slice:
    """A stretch of a signal, with zeros in front of it where it would pass the end."""

    start: int
    stop: int
    zeros: int

    def __len__(self) -> int:
        return self.zeros + max(self.stop - self.start, 0)

    def cut(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the slice of a signal."""
        if self.zeros:
            return np.concatenate((np.zeros(self.zeros), samples[self.start : self.stop]))
        return samples[self.start : self.stop]


def patch_times(offset: int, frame_s: float) -> tuple[float, float]:
    """Return start and end in seconds of the patch that begins at a frame.

    They span its hops, though the last window reaches further.
    """
    start_s = offset * frame_s
    return start_s, start_s + frame_s * PATCH_FRAMES


def slice_of(start_s: float, end_s: float, n_samples: int, sample_rate_hz: int) -> Slice:
    """Return the samples that ViSQOL takes for a stretch of time of a signal.

    The last sample of a signal is never part of it; what lies beyond the end becomes zeros in
    front.
    """
    start = max(0, int(start_s * sample_rate_hz))
    stop = min(n_samples - 1, int(end_s * sample_rate_hz))
    beyond = end_s * sample_rate_hz - n_samples
    return Slice(start, stop, int(beyond) if beyond > 0 else 0)


class Spectrogram:
    """A signal with the decibels of its frames, and those of frames off their grid.

    `db` is its spectrogram by `bank`, of shape (bands, frames), scaled by `gain` to match the
    level. Of stretches off the grid, `n_kept` are remembered.
    """

    def __init__(
        self,
        samples: NDArray[np.float64],
        db: NDArray[np.float64],
        gain: float,
        bank: EnergyBank,
        n_kept: int = 0,
    ) -> None:
        self.samples, self._db, self._gain, self._bank = samples, db, gain, bank
        self._n_kept = n_kept
        self._kept: OrderedDict[tuple[int, int], NDArray[np.float64]] = OrderedDict()

    def frames_from(self, start: int, n_frames: int) -> NDArray[np.float64]:
        """Return the decibels of frames of which the first starts at a sample."""
        column, off_grid = divmod(start, self._bank.hop_samples)
        if not off_grid and column + n_frames <= self._db.shape[1]:
            return self._db[:, column : column + n_frames]
        key = (start, n_frames)
        if key not in self._kept:
            # As many samples as the last frame needs; the signal may end before it is full.
            length = self._bank.frame_samples + (n_frames - 1) * self._bank.hop_samples
            frames = self.frames_of(self.samples[start : start + length])
            if not self._n_kept:
                return frames
            self._kept[key] = frames
            if len(self._kept) > self._n_kept:
                self._kept.popitem(last=False)
        return self._kept[key]

    def frames_of(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the decibels of other samples at this signal's level."""
        starts = self._bank.frame_starts(len(samples))
        return to_db(self._bank.rms(samples, starts) * self._gain)


class PatchAligner:
    """Realigns patches with those of one reference, which start at the frames `starts`."""

    def __init__(
        self,
        reference: Spectrogram,
        starts: NDArray[np.int64],
        bank: EnergyBank,
        sample_rate_hz: int,
    ) -> None:
        self._reference, self._bank, self._rate_hz = reference, bank, sample_rate_hz
        self._frame_s = bank.hop_samples / float(sample_rate_hz)
        self._times = [patch_times(start, self._frame_s) for start in starts.tolist()]
        n_samples = len(reference.samples)
        self._slices = [slice_of(*times, n_samples, sample_rate_hz) for times in self._times]
        # A slice is a sample longer or shorter where its times round so.
        self._longest_slice = PATCH_FRAMES * bank.hop_samples + 1
        self._banks: OrderedDict[int, EnvelopeBank] = OrderedDict()

    def slices(self, offsets: NDArray[np.int64], n_samples: int) -> list[Slice | None]:
        """Return the audio of found patches in a signal of a length; None for a lost one."""
        return [
            None
            if offset == LOST
            else slice_of(*patch_times(offset, self._frame_s), n_samples, self._rate_hz)
            for offset in offsets.tolist()
        ]

    def reference_slice(self, index: int) -> NDArray[np.float64]:
        """Return the audio of one patch of the reference."""
        return self._slices[index].cut(self._reference.samples)

    def leads(self, slices: list[Slice | None], samples: NDArray[np.float64]) -> list[int]:
        """Return by how many samples the audio of each found patch is early; 0 for a lost one."""
        found = []
        for first in range(0, len(slices), PATCHES_AT_ONCE):
            pieces = slices[first : first + PATCHES_AT_ONCE]
            found += self._envelope_bank(first).leads(
                [np.zeros(0) if piece is None else piece.cut(samples) for piece in pieces]
            )
        return found

    def realign(
        self,
        patches: NDArray[np.float64],
        offsets: NDArray[np.int64],
        floored_db: NDArray[np.float64],
        degraded: Spectrogram,
        leads: list[int],
    ) -> list[Result]:
        """Compare all patches as found, then realigned, and keep the better.

        `patches` of the reference, (patches, bands, 30), and `floored_db` of the degraded signal,
        (bands, frames), are above the common floor; `offsets` come from `find_offsets`, and the
        global delay of `degraded` is undone. Returns the similarity of each band, and the summary,
        for each patch that has an offset.
        """
        results = []
        slices = self.slices(offsets, len(degraded.samples))
        for index, (piece, lead) in enumerate(zip(slices, leads, strict=True)):
            reference_s = self._times[index]
            if piece is None:
                lost = PatchSimilarity(0.0, *reference_s, 0.0, 0.0)
                results.append((np.zeros(N_BANDS), lost))
                continue
            offset = int(offsets[index])
            degraded_s = patch_times(offset, self._frame_s)
            found = _compare(
                patches[index], _patch_at(floored_db, offset), (*reference_s, *degraded_s)
            )
            better = self._realigned(index, piece, lead, degraded, found[1])
            results.append(
                better if better and not better[1].similarity < found[1].similarity else found
            )
        return results

    def _envelope_bank(self, first: int) -> EnvelopeBank:
        if first not in self._banks:
            last = min(first + PATCHES_AT_ONCE, len(self._slices))
            self._banks[first] = EnvelopeBank(
                [self.reference_slice(index) for index in range(first, last)], self._longest_slice
            )
            if len(self._banks) > MAX_KEPT_BANKS:
                self._banks.popitem(last=False)
        self._banks.move_to_end(first)
        return self._banks[first]

    def _realigned(
        self,
        index: int,
        piece: Slice,
        lead: int,
        degraded: Spectrogram,
        found: PatchSimilarity,
    ) -> Result | None:
        """Compare a patch again with its audio aligned; None if too little audio is left."""
        mine = self._slices[index]
        lead_s = lead / float(self._rate_hz)
        skipped = cut = zeros = 0  # samples off the reference's and the degraded front, and added
        if lead < 0:
            cut = -lead
        elif lead > 0:
            zeros = lead
            if len(mine) < len(piece) + lead:
                # As in ViSQOL, whose truncation may lose a sample.
                skipped = int(lead_s * self._rate_hz)
        n_samples = min(len(mine) - skipped, len(piece) + zeros - cut - skipped)
        if n_samples <= self._bank.frame_samples:
            return None
        n_frames = 1 + (n_samples - self._bank.frame_samples) // self._bank.hop_samples
        if mine.zeros:
            reference_db = self._reference.frames_of(
                mine.cut(self._reference.samples)[skipped : skipped + n_samples]
            )
        else:
            reference_db = self._reference.frames_from(mine.start + skipped, n_frames)
        if piece.zeros or zeros != skipped:
            padded = np.concatenate((np.zeros(zeros), piece.cut(degraded.samples)[cut:]))
            degraded_db = degraded.frames_of(padded[skipped : skipped + n_samples])
        else:
            degraded_db = degraded.frames_from(piece.start + cut, n_frames)
        bands = band_similarities(*floor_together(reference_db, degraded_db, N_BANDS))
        start_r = found.reference_start_s + max(lead_s, 0.0)
        start_d = found.degraded_start_s + max(-lead_s, 0.0)
        duration_s = n_samples / self._rate_hz
        return bands, PatchSimilarity(
            float(np.mean(bands)), start_r, start_r + duration_s, start_d, start_d + duration_s
        )


def _compare(
    reference: NDArray[np.float64], degraded: NDArray[np.float64], times: tuple[float, ...]
) -> Result:
    bands = band_similarities(reference, degraded)
    return bands, PatchSimilarity(float(np.mean(bands)), *times)


def _patch_at(floored_db: NDArray[np.float64], offset: int) -> NDArray[np.float64]:
    """Return the patch at an offset; what lies beyond the end is at the floor."""
    patch = floored_db[:, offset : offset + PATCH_FRAMES]
    missing = PATCH_FRAMES - patch.shape[1]
    return np.pad(patch, ((0, 0), (0, missing))) if missing else patch
