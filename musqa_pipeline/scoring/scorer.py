"""`Scorer`: samples or a file in, a `Score` out. The model is loaded once."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.files import decoding, limits
from musqa_pipeline.audio.files.arrays import as_frames
from musqa_pipeline.audio.files.blocks import finite, in_blocks
from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.scoring.abstain import SILENCE
from musqa_pipeline.scoring.combine import Meters, combine
from musqa_pipeline.scoring.model_file import ModelFile, load_model, resolve_model_path
from musqa_pipeline.scoring.recordings import Array, are_several, pairs_of
from musqa_pipeline.scoring.score import Score
from musqa_pipeline.scoring.verdict import Verdict, judge
from musqa_pipeline.scoring.windows import LEAST_SOUND_S, Window, WindowCutter

if TYPE_CHECKING:
    from musqa_pipeline.scoring.detectors.detect import Detectors
    from musqa_pipeline.scoring.origin.meter import OriginMeter

LOWEST_DETECTED_HZ, HIGHEST_DETECTED_HZ = 8_000, 192_000
"""Rates that the detectors take; others are scored without."""
NO_SAMPLES = np.zeros(0, np.float32)
"""Of windows that were judged: a view of none would keep all of them in memory."""


class Scorer:
    """Says how good music sounds, with no reference.

    Parameters
    ----------
    model : Path, str or ModelFile, optional
        The model; else the one that `MUSQA_MODEL` names, the user's choice or the shipped one.
    detect : bool
        Whether to look for events and the cause of a low score, too.
    origin : bool
        Whether to look for a lossy origin, too; not without `detect`.

    Raises
    ------
    ModelError
        If there is no such model, or the file is none.

    Examples
    --------
    >>> import numpy as np
    >>> from musqa_pipeline import Scorer
    >>> scorer = Scorer()
    >>> scorer.score(np.zeros((480_000, 2), np.float32), 48_000).abstained
    'silence'
    >>> noise = np.random.default_rng(1).standard_normal(96_000).astype(np.float32)
    >>> scorer.score(0.1 * noise, 48_000).reason
    'only 2.0 s of sound; the scorer needs 3 s, better 10'
    """

    def __init__(
        self,
        model: Path | str | ModelFile | None = None,
        *,
        detect: bool = True,
        origin: bool = True,
    ) -> None:
        if isinstance(model, ModelFile):
            self.model = model
        else:
            self.model = load_model(resolve_model_path(model))
        self._detect = detect
        self._origin = detect and origin

    def __repr__(self) -> str:
        parts = f"model={self.model.label!r}, detect={self._detect}, origin={self._origin}"
        return f"Scorer({parts})"

    @overload
    def __call__(
        self, samples: Sequence[Array], sample_rate_hz: int, **windows: float | None
    ) -> list[Score]: ...

    @overload
    def __call__(self, samples: Any, sample_rate_hz: int, **windows: float | None) -> Score: ...

    def __call__(
        self, samples: Any, sample_rate_hz: int, **windows: float | None
    ) -> Score | list[Score]:
        """Score a recording as `score` does, or a list or tuple of arrays as `score_batch`."""
        if are_several(samples):
            return self.score_batch(samples, sample_rate_hz, **windows)
        return self.score(samples, sample_rate_hz, **windows)

    def score(
        self,
        samples: Any,
        sample_rate_hz: int,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
    ) -> Score:
        """Score a recording in memory.

        Parameters
        ----------
        samples : array_like, shape (frames,), (frames, channels) or (channels, frames)
            Floats of full scale 1.0, or 16- or 32-bit integers; a torch tensor, too. Which side is
            the channels' follows from the lengths, see `as_frames`.
        sample_rate_hz : int
            4,000 to 768,000.
        window_s, hop_s : float, optional
            Length of a window, 3 to 10 s, and from one start to the next; 10 and `window_s` when
            left out.

        Returns
        -------
        Score
            The same as of a file that holds these samples.

        Raises
        ------
        UnfitInputError
            If the array is no recording, or the model has no answer to it.
        SettingsError
            If `window_s` or `hop_s` is out of range.
        """
        array = as_frames(samples)
        if not isinstance(sample_rate_hz, numbers.Integral):
            raise UnfitInputError(
                "odd_format",
                f"sample_rate_hz={repr(sample_rate_hz)[:40]}",
                "give it a whole number of Hz",
            )
        limits.check_limits(sample_rate_hz, array.shape[1])
        if not len(array):
            raise UnfitInputError("empty", "0 samples", "give it at least 3 s of audio")
        blocks = in_blocks(array, array.shape[1])
        return self._score(blocks, sample_rate_hz, array.shape[1], window_s, hop_s)

    def score_batch(
        self,
        recordings: Iterable[Any],
        sample_rate_hz: int | None = None,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
    ) -> list[Score]:
        """Score several recordings in memory, one after the other.

        Parameters
        ----------
        recordings : iterable of (array_like, int), or of array_like
            Samples and sample rate of each, as in `score`; with `sample_rate_hz` samples alone.
        sample_rate_hz : int, optional
            The rate of all.
        window_s, hop_s : float, optional
            As in `score`.

        Returns
        -------
        list of Score
            In their order. Each is what `score` says of it alone, to the last bit.

        Raises
        ------
        UnfitInputError
            If one is no pair of samples and rate, or as in `score`.
        SettingsError
            If `window_s` or `hop_s` is out of range.
        """
        return [
            self.score(*pair, window_s=window_s, hop_s=hop_s)
            for pair in pairs_of(recordings, sample_rate_hz)
        ]

    def score_file(
        self,
        path: Path | str,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
        max_duration_s: float = limits.MAX_DURATION_S,
    ) -> Score:
        """Score a file; memory does not grow with its length.

        Parameters
        ----------
        path : Path or str
            An audio file of any format that soundfile reads, or with the extra `[m4a]` PyAV.
        window_s, hop_s : float, optional
            As in `score`.
        max_duration_s : float
            What is longer is refused.

        Returns
        -------
        Score
            Of all of it.

        Raises
        ------
        UnfitInputError
            If the file cannot be read, is damaged or changes meanwhile, or the model has no answer
            to it.
        SettingsError
            If `window_s` or `hop_s` is out of range.
        """
        with decoding.open_audio(Path(path), max_duration_s=max_duration_s) as audio:
            info = audio.info
            lossy_codec = info.codec if info.is_lossy else ""
            how = info.sample_rate_hz, info.channels, window_s, hop_s, lossy_codec
            return self._score(audio.blocks, *how)

    def judge(
        self, mono: NDArray[np.float32], sample_rate_hz: int, *, margin_frames: int = 0
    ) -> Verdict:
        """Judge one window alone, of at most 10 s.

        Parameters
        ----------
        mono : ndarray of float32, shape (frames,)
            Mean of the channels, at any level; finite.
        sample_rate_hz : int
            Of it.
        margin_frames : int
            How much of it, before and after, is there for the resampler alone; from
            `windows.margin_frames`.

        Returns
        -------
        Verdict
            Quality with its interval, or why there is none.
        """
        return judge(self.model, mono, sample_rate_hz, margin_frames=margin_frames)

    def _score(
        self,
        blocks: Iterable[NDArray[np.float32]],
        sample_rate_hz: int,
        channels: int,
        window_s: float | None,
        hop_s: float | None,
        lossy_codec: str = "",
    ) -> Score:
        cutter = WindowCutter(sample_rate_hz, window_s=window_s, hop_s=hop_s)
        meters = Meters(sample_rate_hz, channels)
        detectors = _detectors(sample_rate_hz) if self._detect else None
        origin = _origin_meter(sample_rate_hz, lossy_codec) if self._origin else None
        judged: list[tuple[Window, Verdict]] = []

        def take(windows: Sequence[Window]) -> None:
            for window in windows:
                verdict = self._judge(window, sample_rate_hz)
                judged.append((replace(window, mono=NO_SAMPLES), verdict))

        for block in blocks:
            limits.check_level(block)
            block, n_bad = finite(block)
            meters.n_not_finite += n_bad
            mono = to_mono(block)
            meters.update(block, mono)
            if detectors is not None:
                detectors.push(block)
            if origin is not None:
                origin.push(block)
            take(cutter.push(mono))
        take(cutter.finish())
        limits.check_peak(meters.true_peak_dbtp() or 0.0)  # between samples
        events = None if detectors is None else tuple(detectors.finish())
        coded = None if origin is None else origin.origin()
        return combine(judged, cutter, meters, events, self.model.label, coded)

    def _judge(self, window: Window, sample_rate_hz: int) -> Verdict:
        if window.sound_s < LEAST_SOUND_S:
            return Verdict(abstained=SILENCE)
        return self.judge(window.mono, sample_rate_hz, margin_frames=window.margin_frames)


def _detectors(sample_rate_hz: int) -> Detectors | None:
    from musqa_pipeline.scoring.detectors.detect import Detectors

    within = LOWEST_DETECTED_HZ <= sample_rate_hz <= HIGHEST_DETECTED_HZ
    return Detectors(sample_rate_hz) if within else None


def _origin_meter(sample_rate_hz: int, lossy_codec: str) -> OriginMeter:
    from musqa_pipeline.scoring.origin.meter import OriginMeter

    return OriginMeter(sample_rate_hz, lossy_codec)
