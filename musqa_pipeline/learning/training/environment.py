"""What a training ran on, and torch held steady for it."""

from __future__ import annotations

import ctypes
import logging
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.learning.device import Precision, device_name, find_precision

_LOGGERS = ("lightning", "lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities")
_LIBRARIES = ("musqa-pipeline", "numpy", "torch", "lightning", "torchvision")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""What glibc's `mallopt` calls its settings."""


def usable_threads() -> int:
    """Return how many threads a training may use: `MUSQA_WORKERS`, or all usable cores."""
    return LocalPool().n_workers


def describe_environment(
    n_threads: int, device: torch.device, precision: Precision = "32"
) -> dict[str, Any]:
    """Describe machine and libraries, for the record of a run.

    Versions of Python and libraries, processor, device, threads and the numbers that `precision`
    means there; with a GPU also what decides its arithmetic: cuDNN's version and switches, TF32.
    """
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "device": device_name(device),
        "precision": find_precision(precision, device),
        "cuda": torch.version.cuda,
        **(_gpu_arithmetic() if device.type == "cuda" else {}),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "n_threads": n_threads,
        **{name: tool_version(name) for name in _LIBRARIES},
    }


def _gpu_arithmetic() -> dict[str, Any]:
    cudnn = torch.backends.cudnn
    return {
        "n_gpus": torch.cuda.device_count(),
        "cudnn": cudnn.version(),
        "cudnn_benchmark": cudnn.benchmark,
        "cudnn_deterministic": cudnn.deterministic,
        "tf32_convolutions": cudnn.allow_tf32,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
    }


@contextmanager
def steady_torch(n_threads: int) -> Iterator[None]:
    """Let a block compute repeatably and quietly, and leave the process as it was.

    Algorithms are deterministic (on a GPU where there are any), the generator is one of its own,
    Lightning neither logs nor warns, and memory that a step frees is there for the next. Sums over
    another number of threads round differently.
    """
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    threads_before = torch.get_num_threads()
    deterministic_before = torch.are_deterministic_algorithms_enabled()
    warn_only_before = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # its switch is not in torch's type stubs
    fill_before = memory.fill_uninitialized_memory
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices), warnings.catch_warnings(), _freed_memory_kept():
        try:
            for name in levels:
                logging.getLogger(name).setLevel(logging.ERROR)
            warnings.simplefilter("ignore")
            torch.set_num_threads(n_threads)
            # On a GPU the backward pass of pooling has no implementation that torch calls
            # deterministic; it must not stop a training.
            torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
            memory.fill_uninitialized_memory = False  # costs time, hides nothing
            yield
        finally:
            torch.set_num_threads(threads_before)
            torch.use_deterministic_algorithms(deterministic_before, warn_only=warn_only_before)
            memory.fill_uninitialized_memory = fill_before
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@contextmanager
def _freed_memory_kept() -> Iterator[None]:
    """Let glibc keep the memory that a block frees, and give it back at the end.

    Else every step gets its large tensors anew from the system, which clears each page of them: a
    fifth of the time of NISQA's convolutions on a CPU.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # another C library
        yield
        return
    library.mallopt(_M_MMAP_THRESHOLD, 2**30)
    library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:  # what glibc comes to by itself in a process that frees blocks of 32 MiB
        library.mallopt(_M_MMAP_THRESHOLD, 2**25)
        library.mallopt(_M_TRIM_THRESHOLD, 2**26)
        library.malloc_trim(0)
