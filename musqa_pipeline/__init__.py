"""musqa: no-reference music quality assessment, from folders of music to evaluated models.

What most people want of it has a name here, and is loaded when it is asked for: the import itself
costs next to nothing, and `Scorer` needs the base installation alone.

>>> from musqa_pipeline import Scorer
>>> Scorer().score_file("track.flac").mos  # doctest: +SKIP
3.9
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musqa_pipeline.audio.metrics.visqol_mos import visqol_mos
    from musqa_pipeline.release.torch_metrics import MusicQuality
    from musqa_pipeline.scoring.score import Event, Score, WindowScore
    from musqa_pipeline.scoring.scorer import Scorer

    __version__: str

__all__ = ["Event", "MusicQuality", "Score", "Scorer", "WindowScore", "__version__", "visqol_mos"]
_MODULES = {
    "Event": "scoring.score",
    "MusicQuality": "release.torch_metrics",
    "Score": "scoring.score",
    "Scorer": "scoring.scorer",
    "WindowScore": "scoring.score",
    "visqol_mos": "audio.metrics.visqol_mos",
}
"""Where each name is."""
_EXTRAS = {"MusicQuality": "torchmetrics", "visqol_mos": "label"}
"""What names need beside the base installation."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("musqa-pipeline")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} needs {error.name}; install it with pip install "
            f"'musqa-pipeline[{_EXTRAS.get(name, 'factory')}]'"
        ) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
