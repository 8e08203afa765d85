"""Which device networks are trained on and asked on."""

from __future__ import annotations

import os
import re
from typing import Literal

import torch

from musqa_pipeline.core.devices import DEVICE, DEVICES
from musqa_pipeline.core.errors import SettingsError

_Numbers = Literal["32", "bf16-mixed", "16-mixed"]
Precision = _Numbers | Literal["auto"]


def find_device(wanted: str = "auto") -> torch.device:
    """Find the device that a setting names.

    Parameters
    ----------
    wanted : str
        ``"cpu"``, ``"cuda"``, ``"cuda:N"``, or ``"auto"``: a GPU if torch sees one.

    Returns
    -------
    torch.device
        Of a GPU always with its number.

    Raises
    ------
    SettingsError
        If there is no such device here.
    """
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "cpu" or (wanted == "auto" and not n_gpus):
        return torch.device("cpu")
    if not re.fullmatch(DEVICE, wanted):
        raise SettingsError(f"device={wanted!r}: expected {DEVICES}")
    number = int(wanted.partition(":")[2] or 0)
    if number >= n_gpus:
        seen = f"{n_gpus} CUDA devices" if n_gpus else "no CUDA device"
        raise SettingsError(f"device={wanted!r}: torch sees {seen} here; use cpu")
    return torch.device("cuda", number)


def device_name(device: torch.device) -> str:
    """Return ``"cpu"``, or the name of a GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def find_precision(wanted: Precision, device: torch.device) -> _Numbers:
    """Find the numbers of a forward pass: ``"auto"`` is bfloat16 on a device that multiplies it.

    So do some GPUs, and CPUs with AVX512-BF16; one with AMX tiles only if it leaves them out.

    Raises
    ------
    SettingsError
        If float16 is wanted without a GPU, or bfloat16 on a CPU whose AMX tiles oneDNN may use:
        some convolutions come out wrong there (docs/gpu.md).
    """
    if wanted == "16-mixed" and device.type != "cuda":
        raise SettingsError(
            "[models] precision='16-mixed' needs a GPU, and there is none; edit the preset to "
            "'bf16-mixed' or '32'"
        )
    if wanted == "bf16-mixed" and device.type == "cpu" and _uses_amx_tiles():
        raise SettingsError(
            "[models] precision='bf16-mixed': on this CPU some convolutions come out wrong in "
            "bfloat16, as it has AMX tiles; start musqa with "
            "ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16, or edit the preset to '32'"
        )
    if wanted != "auto":
        return wanted
    if device.type != "cuda":
        can = torch.cpu.get_capabilities().get("avx512_bf16", False)
        return "bf16-mixed" if can and not _uses_amx_tiles() else "32"
    with torch.cuda.device(device):
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32"


def _uses_amx_tiles() -> bool:
    """Whether this CPU has AMX tiles, and nobody told oneDNN what it may use."""
    return "ONEDNN_MAX_CPU_ISA" not in os.environ and torch.cpu.get_capabilities().get(
        "amx_tile", False
    )
