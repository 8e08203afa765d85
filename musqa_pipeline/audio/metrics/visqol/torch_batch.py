"""The engine in batches on a GPU, or on a CPU through torch: the same scores, another machine.

What costs time on a CPU goes to the device in batches: correlations of envelopes, spectra and
energies of frames, and the comparison of each patch with every offset. What is left, the walk
through the offsets and the comparison of the realigned patches, takes a few milliseconds a pair
and is the CPU engine's own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from musqa_pipeline.audio.metrics.visqol import fft
from musqa_pipeline.audio.metrics.visqol.energies import N_BANDS, N_STATES
from musqa_pipeline.audio.metrics.visqol.engine import (
    Precision,
    Reference,
    _checked,
    _summary,
    one_thread,
)
from musqa_pipeline.audio.metrics.visqol.nsim import (
    C1,
    C3,
    CENTRE,
    CORNER,
    EDGE,
    floor_together,
    to_db,
)
from musqa_pipeline.audio.metrics.visqol.realign import Spectrogram
from musqa_pipeline.audio.metrics.visqol.score import VisqolScore
from musqa_pipeline.audio.metrics.visqol.search import (
    PATCH_FRAMES,
    SEARCH_FRAMES,
    best_path,
    degraded_statistics,
    first_offset,
    last_offset,
    n_within,
)
from musqa_pipeline.core.errors import SettingsError

PAIRS_AT_ONCE = 16
FRAMES_AT_ONCE = 2_048
"""Spectra of this many frames are 126 MB in float64."""
TAPS = [
    (row, column, (CENTRE, EDGE, CORNER)[abs(row - 1) + abs(column - 1)])
    for row in range(3)
    for column in range(3)
]


class TorchReference(Reference):
    """ViSQOL v3 in audio mode on a torch device (``"cuda"``, ``"cpu"``), bound to one reference.

    With the precision ``"exact"`` it computes in float64 throughout; with ``"fast"`` in float32 but
    for the alignment, and a MOS moves by less than 1e-5. TF32 is off in both. Raises as `Reference`
    does, and `SettingsError` if torch cannot use the device.
    """

    version = f"{Reference.version} torch"

    def __init__(
        self,
        samples: NDArray[np.floating],
        sample_rate_hz: int = 48_000,
        *,
        precision: Precision = "exact",
        device: str = "cuda",
    ) -> None:
        super().__init__(samples, sample_rate_hz, precision=precision)
        try:
            self._device = torch.device(device)
            torch.zeros(1, device=self._device)
        except (RuntimeError, AssertionError) as error:
            first_line = str(error).splitlines()[0]
            raise SettingsError(
                f"device {device!r} cannot be used ({first_line}); choose cpu, or check the driver"
            ) from error
        torch.backends.cuda.matmul.allow_tf32 = False
        self._kind = torch.float64 if precision == "exact" else torch.float32
        bank = self._bank
        self._window = self._on_device(bank.window)
        self._weights = self._on_device(bank.weights)
        self._bin_tails = [self._on_device(tails.matrix) for tails in bank.bin_tails]
        self._sample_tails = [self._on_device(tails.matrix) for tails in bank.sample_tails]

    def score(self, degraded: NDArray[np.floating]) -> VisqolScore:
        """Score one degraded version; see `Reference.score`. Batches are faster."""
        return self.score_batch([degraded])[0]

    def score_batch(self, degraded: Iterable[NDArray[np.floating]]) -> list[VisqolScore]:
        """Score several degraded versions, up to sixteen at a time; lengths may differ."""
        checked = [_checked(samples, "degraded signal") for samples in degraded]
        scores: list[VisqolScore] = []
        for first in range(0, len(checked), PAIRS_AT_ONCE):
            with one_thread():
                scores += self._score_some(checked[first : first + PAIRS_AT_ONCE])
        return scores

    def _score_some(self, degraded: list[NDArray[np.float64]]) -> list[VisqolScore]:
        lags = [-lead for lead in self._device_leads([self._samples] * len(degraded), degraded)]
        prepared = [self._prepared(x, lag) for x, lag in zip(degraded, lags, strict=True)]
        signals = [aligned for aligned, _ in prepared]
        dbs = [
            to_db(rms * gain)
            for rms, (_, gain) in zip(self._device_rms(signals), prepared, strict=True)
        ]
        floored = [floor_together(self._db, db, N_BANDS) for db in dbs]
        patches = [self._patches(reference_db) for reference_db, _ in floored]
        offsets = [
            best_path(similarities, self._patch_starts, degraded_db.shape[1])
            for similarities, (_, degraded_db) in zip(
                self._device_similarities(patches, [d for _, d in floored]), floored, strict=True
            )
        ]
        leads = self._patch_leads(offsets, signals)
        scores = []
        for i, (aligned, gain) in enumerate(prepared):
            spectrogram = Spectrogram(aligned, dbs[i], gain, self._bank)
            results = self._aligner.realign(
                patches[i], offsets[i], floored[i][1], spectrogram, leads[i]
            )
            scores.append(_summary(results, lags[i]))
        return scores

    def _on_device(self, values: NDArray[np.floating]) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values, np.float64)).to(self._device, self._kind)

    def _patch_leads(
        self, offsets: list[NDArray[np.int64]], signals: list[NDArray[np.float64]]
    ) -> list[list[int]]:
        """Leads of all patches of all signals, in one batch."""
        nothing = np.zeros(1)
        mine, theirs, counts = [], [], []
        for found, samples in zip(offsets, signals, strict=True):
            slices = self._aligner.slices(found, len(samples))
            counts.append(len(slices))
            for index, piece in enumerate(slices):
                mine.append(self._aligner.reference_slice(index))
                theirs.append(nothing if piece is None else piece.cut(samples))
        flat = iter(self._device_leads(mine, theirs))
        return [[next(flat) for _ in range(count)] for count in counts]

    def _device_leads(
        self, references: list[NDArray[np.float64]], degraded: list[NDArray[np.float64]]
    ) -> list[int]:
        """`EnvelopeBank.leads` by the whole padded correlation, in float64."""
        longest = max(len(x) for x in (*references, *degraded))
        n_fft = fft.fast_length(2 * longest - 1)
        at_once = max(1, 2**24 // n_fft)
        found: list[int] = []
        for first in range(0, len(degraded), at_once):
            pieces = references[first : first + at_once]
            spectra = [
                torch.fft.rfft(self._envelopes_of(some, longest), n=n_fft)
                for some in (pieces, degraded[first : first + at_once])
            ]
            linear = torch.fft.irfft(spectra[0] * spectra[1].conj(), n=n_fft)
            ordered = torch.cat((linear[:, n_fft - longest + 1 :], linear[:, :longest]), dim=1)
            # The first of equal maxima, which argmax does not promise.
            highest = ordered.amax(dim=1, keepdim=True)
            peaks = (ordered == highest).to(torch.uint8).argmax(dim=1) - (longest - 1)
            for piece, peak, some in zip(
                pieces, peaks.tolist(), highest[:, 0].tolist(), strict=True
            ):
                found.append(0 if some == 0.0 or abs(peak) > len(piece) / 2.0 else peak)
        return found

    def _envelopes_of(self, signals: list[NDArray[np.float64]], length: int) -> torch.Tensor:
        envelopes = torch.zeros((len(signals), length), dtype=torch.float64, device=self._device)
        for row, samples in enumerate(signals):
            x = torch.as_tensor(samples).to(self._device)
            mean = x.mean()
            envelopes[row, : len(samples)] = (2.0 * (x - mean)).abs() + mean
        return envelopes

    def _device_rms(self, signals: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        """`EnergyBank.rms` of all frames of each signal."""
        n, hop = self._bank.frame_samples, self._bank.hop_samples
        found = []
        for samples in signals:
            x = torch.as_tensor(samples).to(self._device, self._kind)
            frames = x.unfold(0, n, hop)
            energies = [
                self._energies(frames[first : first + FRAMES_AT_ONCE] * self._window)
                for first in range(0, len(frames), FRAMES_AT_ONCE)
            ]
            rms = torch.cat(energies).clamp_min(0.0).sqrt().T
            found.append(np.ascontiguousarray(rms.to(torch.float64).cpu().numpy()))
        return found

    def _energies(self, windowed: torch.Tensor) -> torch.Tensor:
        n = self._bank.frame_samples
        spectra = torch.fft.rfft(windowed, n=self._bank.fft_samples)
        energies = (spectra.real.square() + spectra.imag.square()) @ self._weights
        for tails, matrix in zip(self._bank.bin_tails, self._bin_tails, strict=True):
            bins = spectra[:, tails.first_input : tails.first_input + len(matrix) // 2]
            _take_off(energies, torch.view_as_real(bins).flatten(1) @ matrix, tails.first_band)
        for tails, matrix in zip(self._bank.sample_tails, self._sample_tails, strict=True):
            _take_off(energies, windowed[:, n - len(matrix) :] @ matrix, tails.first_band)
        return energies

    def _device_similarities(
        self, patches: list[NDArray[np.float64]], degraded_dbs: list[NDArray[np.float64]]
    ) -> Iterator[NDArray[np.float64]]:
        """Mean NSIM of each patch at each offset, laid out as `best_path` wants it."""
        for mine, degraded_db in zip(patches, degraded_dbs, strict=True):
            n_frames = degraded_db.shape[1]
            n_patches = n_within(self._patch_starts, n_frames)
            theirs = self._unfolded(degraded_db)
            out = np.zeros((n_patches, min(n_frames, 2 * SEARCH_FRAMES + 1)))
            for p in range(n_patches):
                start = int(self._patch_starts[p])
                low, high = first_offset(start), last_offset(start, n_frames)
                some = [stretch[:, low : high + 1] for stretch in theirs]
                row = _similarities(self._on_device(mine[p]), *some)
                out[p, : high - low + 1] = row.to(torch.float64).cpu().numpy()
            yield out

    def _unfolded(self, degraded_db: NDArray[np.float64]) -> list[torch.Tensor]:
        """Spectrogram, means and deviations as patches, of shape (bands, offsets, 30)."""
        n_frames = degraded_db.shape[1]
        padded, means, deviations = degraded_statistics(degraded_db)
        stretches = [self._on_device(padded).unfold(1, PATCH_FRAMES, 1)[:, :n_frames]]
        for statistics in (means, deviations):
            first, inside, last = (
                self._on_device(s).unfold(1, PATCH_FRAMES, 1)[:, :n_frames] for s in statistics
            )
            stretches.append(
                torch.cat((first[:, :, :1], inside[:, :, 1:-1], last[:, :, -1:]), dim=2)
            )
        return stretches


def _similarities(
    patch: torch.Tensor, padded: torch.Tensor, mean: torch.Tensor, deviation: torch.Tensor
) -> torch.Tensor:
    """Compare a patch (bands, 30) with the degraded ones (bands, offsets, 30); mean NSIM each."""
    mine = _repeat_edges(patch[:, None, :])
    theirs = _repeat_edges(padded)
    n_bands, n_columns = patch.shape
    mu, square, crossed = (torch.zeros((), dtype=patch.dtype, device=patch.device),) * 3
    for row, column, weight in TAPS:
        r = mine[row : row + n_bands, :, column : column + n_columns]
        d = theirs[row : row + n_bands, :, column : column + n_columns]
        mu = mu + weight * r
        square = square + weight * (r * r)
        crossed = crossed + (weight * r) * d
    sigma = (square - mu * mu).clamp_min(0.0).sqrt()
    level = (2.0 * mu * mean + C1) / (mu * mu + mean * mean + C1)
    structure = (crossed - mu * mean + C3) / (sigma * deviation + C3)
    return (level * structure).mean(dim=(0, 2))


def _repeat_edges(patches: torch.Tensor) -> torch.Tensor:
    """Repeat the outermost bands and frames of patches of shape (bands, offsets, frames)."""
    wide = torch.cat((patches[:, :, :1], patches, patches[:, :, -1:]), dim=2)
    return torch.cat((wide[:1], wide, wide[-1:]), dim=0)


def _take_off(energies: torch.Tensor, functionals: torch.Tensor, first_band: int) -> None:
    """Subtract the squares of eight functionals a band."""
    n_bands = functionals.shape[1] // N_STATES
    squares = functionals.square().reshape(len(functionals), n_bands, N_STATES).sum(dim=2)
    energies[:, first_band : first_band + n_bands] -= squares
