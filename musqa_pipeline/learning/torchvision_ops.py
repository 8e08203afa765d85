"""Let torchvision, and so Lightning, be imported beside a torch build that it was not made for.

Beside a CPU build of torch, torchvision's wheel cannot load its compiled operators; its Python
part then fails as it describes two of them (``operator torchvision::nms does not exist``), and
Lightning fails with it, because torchmetrics imports torchvision. Nothing here calls those
operators, so that declaring them is enough. Import this module before `lightning`, everywhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

import torch

from musqa_pipeline.core.errors import SettingsError

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_library: torch.library.Library | None = None


def allow_torchvision() -> bool:
    """Make ``import torchvision`` work, and say whether its operators had to be declared for it.

    They need not where torchvision is complete or not installed. `RuntimeError` if it fails for
    another reason.
    """
    global _library
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError:
        return False
    except RuntimeError as error:
        # Only now is it known that the compiled part is missing: declaring the operators first
        # would clash with a compiled part that does load.
        if "torchvision::nms" not in str(error):
            raise
        _library = torch.library.Library("torchvision", "DEF")
        for schema in _SCHEMAS:
            _library.define(schema)
        for name in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        importlib.import_module("torchvision")
    return _library is not None


DECLARED = allow_torchvision()
"""Whether this process had to declare the operators."""


def need_torchvision(network: str) -> None:
    """Raise `SettingsError` if torchvision, which a network needs, is not installed."""
    if importlib.util.find_spec("torchvision") is None:
        raise SettingsError(
            f"[models] names: {network!r} needs torchvision, which is not installed; install "
            "musqa-pipeline[backbones], or edit names"
        )
