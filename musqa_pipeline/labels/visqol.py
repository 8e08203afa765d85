"""ViSQOL v3 in audio mode, through visqol-python: the only module that knows that package.

What depends on the reference alone (its envelope, its spectrogram, those of its patches) is kept
from one score to the next; a patch of the degraded signal takes its frames from the spectrogram
of the whole. Both are exact: a gammatone frame is windowed and filtered from rest by itself, so
the same samples give the same energies, bit for bit, wherever the frame stands.

visqol-python deviates from Google's C++ where the envelope that aligns a signal matters: by
-1.2e-4 MOS on one of the ten conformance pairs, by less than 1e-13 on the others.
"""

from __future__ import annotations

import functools
import math
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy.fft
import visqol
from numpy.typing import NDArray
from visqol.analysis_window import AnalysisWindow
from visqol.audio_utils import AudioSignal
from visqol.gammatone import GammatoneSpectrogramBuilder, Spectrogram
from visqol.patch_creator import ImagePatchCreator
from visqol.quality_mapper import SimilarityToQualityMapper, SvrSimilarityToQualityMapper
from visqol.signal_utils import upper_envelope
from visqol.visqol_core import VisqolCore
from visqol.visqol_manager import MINIMUM_FREQ, NUM_BANDS_AUDIO, OVERLAP, PATCH_SIZE_AUDIO

from musqa_pipeline.audio import SAMPLE_RATE_HZ
from musqa_pipeline.errors import UnfitInputError
from musqa_pipeline.fingerprints import tool_version
from musqa_pipeline.labels.score import Score

SEARCH_WINDOW_PATCHES = 60
LONGEST_PATCH_SAMPLES = SAMPLE_RATE_HZ
"""Patches are 0.6 s; what is longer than this is a whole signal."""
N_PATCHES_KEPT = 64
_ONE_AT_A_TIME = threading.Lock()
"""numba's workqueue ends the process if two threads enter it."""


class VisqolAudio:
    """ViSQOL v3 in audio mode, bound to one reference.

    Parameters
    ----------
    reference : ndarray of float32, shape (samples,)
        Mono, 48 kHz, not silent; 3-10 s suit the metric best.
    """

    version = f"visqol-python {tool_version('visqol-python')}"

    def __init__(self, reference: NDArray[np.float32]) -> None:
        self._reference = AudioSignal(reference, SAMPLE_RATE_HZ)
        self._window = AnalysisWindow(SAMPLE_RATE_HZ, OVERLAP)
        self._builder = _ReusingBuilder(self._reference)
        self._envelope = upper_envelope(self._reference.data)
        self._envelope_spectra: dict[int, NDArray[np.complex128]] = {}

    def score(self, degraded: NDArray[np.float32]) -> Score:
        """Score a degraded version of the reference, on one thread.

        Parameters
        ----------
        degraded : ndarray of float32, shape (samples,)
            Mono, 48 kHz; its level does not matter, its length should be the reference's.

        Returns
        -------
        Score
            Equal to what visqol-python says of the pair.

        Raises
        ------
        UnfitInputError
            If ViSQOL finds nothing in the degraded signal that it can compare.
        """
        with _ONE_AT_A_TIME:
            n_threads = numba.get_num_threads()
            numba.set_num_threads(1)
            try:
                return self._score(AudioSignal(degraded, SAMPLE_RATE_HZ))
            except ValueError as error:
                raise UnfitInputError(
                    "cannot_score",
                    f"ViSQOL refused a degraded excerpt ({error})",
                    "remove the track from the catalog and report what it sounds like",
                ) from error
            finally:
                numba.set_num_threads(n_threads)

    def _score(self, degraded: AudioSignal) -> Score:
        lag_samples = self._delay_of(degraded)
        result = VisqolCore().calculate_similarity(
            self._reference,
            _shifted(degraded, lag_samples),
            self._builder,
            self._window,
            ImagePatchCreator(PATCH_SIZE_AUDIO),
            SEARCH_WINDOW_PATCHES,
            _support_vectors(),
        )
        return Score(
            mos=float(result.moslqo),
            vnsim=float(result.vnsim),
            fvnsim=np.asarray(result.fvnsim, np.float64),
            lag_samples=lag_samples,
        )

    def _delay_of(self, degraded: AudioSignal) -> int:
        """`visqol.alignment.globally_align`, with the reference's transform kept."""
        n = max(len(self._reference), len(degraded))
        # The smallest power of two that holds their linear correlation.
        n_fft = 1 << (2 * n - 2).bit_length()
        if n_fft not in self._envelope_spectra:
            self._envelope_spectra[n_fft] = scipy.fft.rfft(self._envelope, n=n_fft)
        spectrum = scipy.fft.rfft(upper_envelope(degraded.data), n=n_fft)
        correlation = scipy.fft.irfft(self._envelope_spectra[n_fft] * np.conj(spectrum), n=n_fft)
        # Leads from -(n - 1) to n - 1; the first of equal maxima wins.
        ordered = np.concatenate((correlation[-(n - 1) :], correlation[:n]))
        lead_samples = int(np.argmax(ordered)) - (n - 1)
        return 0 if abs(lead_samples) > len(self._reference) / 2.0 else -lead_samples


def _shifted(degraded: AudioSignal, lag_samples: int) -> AudioSignal:
    """Undo a delay as ViSQOL does: cut the front if late, put zeros before if early."""
    if lag_samples > 0:
        return AudioSignal(degraded.data[lag_samples:], SAMPLE_RATE_HZ)
    if lag_samples < 0:
        return AudioSignal(np.concatenate([np.zeros(-lag_samples), degraded.data]), SAMPLE_RATE_HZ)
    return degraded


class _ReusingBuilder(GammatoneSpectrogramBuilder):
    """Builds spectrograms, taking frames that were computed before from where they are."""

    def __init__(self, reference: AudioSignal) -> None:
        super().__init__(NUM_BANDS_AUDIO, MINIMUM_FREQ)
        self._reference = reference
        self._wholes: dict[str, tuple[NDArray[np.float64], Spectrogram]] = {}
        self._patches: OrderedDict[bytes, Spectrogram] = OrderedDict()

    def build(self, signal: AudioSignal, window: AnalysisWindow) -> Spectrogram:
        """Build the spectrogram of a whole signal or of a patch."""
        if len(signal) > LONGEST_PATCH_SAMPLES:
            name = "reference" if signal is self._reference else "degraded"
            if name not in self._wholes or name == "degraded":
                self._wholes[name] = (signal.data, super().build(signal, window))
            return self._wholes[name][1]
        for data, spectrogram in self._wholes.values():
            found = _as_columns(signal.data, data, spectrogram, window)
            if found is not None:
                return found
        # Patches that start off the grid of frames. Those of the reference come back with every
        # score; those of degraded signals fall out again.
        key = signal.data.tobytes()
        if key not in self._patches:
            self._patches[key] = super().build(signal, window)
            if len(self._patches) > N_PATCHES_KEPT:
                self._patches.popitem(last=False)
        self._patches.move_to_end(key)
        return self._patches[key]


def _as_columns(
    patch: NDArray[np.float64],
    whole: NDArray[np.float64],
    spectrogram: Spectrogram,
    window: AnalysisWindow,
) -> Spectrogram | None:
    """Return the columns of a whole signal's spectrogram that a patch's would repeat, if any."""
    hop = window.hop_size
    for column in np.flatnonzero(whole[::hop] == patch[0]):
        start = column * hop
        if np.array_equal(whole[start : start + len(patch)], patch):
            n_columns = 1 + (len(patch) - window.size) // hop
            return Spectrogram(
                spectrogram.data[:, column : column + n_columns], spectrogram.center_freq_bands
            )
    return None


class _SupportVectors(SimilarityToQualityMapper):
    """ViSQOL's support-vector regression, summed exactly.

    libsvm's wheel adds up on all cores in whatever order they finish, which moves a MOS by 1e-14
    from one call to the next, and a table's bytes with it.
    """

    def init(self) -> None:
        """Read the model that visqol-python ships."""
        path = Path(visqol.__file__).parent / "model" / "libsvm_nu_svr_model.txt"
        mapper = SvrSimilarityToQualityMapper(str(path))
        mapper.init()
        model: Any = mapper.model
        self._vectors = np.array(
            [[v.get(i, 0.0) for i in range(1, NUM_BANDS_AUDIO + 1)] for v in model.get_SV()]
        )
        self._coefficients = [c[0] for c in model.get_sv_coef()]
        self._gamma, self._rho = float(model.param.gamma), float(model.rho[0])

    def predict_quality(
        self,
        fvnsim: NDArray[np.float64],
        fvnsim10: NDArray[np.float64] | None = None,
        fstdnsim: NDArray[np.float64] | None = None,
        fvdegenergy: NDArray[np.float64] | None = None,
    ) -> float:
        """Map the similarity of the bands to a MOS."""
        distances = np.square(self._vectors - fvnsim).sum(axis=1).tolist()
        total = math.fsum(
            c * math.exp(-self._gamma * d)
            for c, d in zip(self._coefficients, distances, strict=True)
        )
        return min(max(total - self._rho, 1.0), 5.0)


@functools.cache
def _support_vectors() -> _SupportVectors:
    """Load the model once per process."""
    mapper = _SupportVectors()
    mapper.init()
    return mapper
