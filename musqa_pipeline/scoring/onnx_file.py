"""A file of ONNX, read and opened: what has nothing to do with what musqa's models mean."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musqa_pipeline.core.errors import ModelError, SettingsError, first_line

IMAGE_SHAPE = (1, 31, 1024)
MAX_BYTES = 200_000_000
ANEW = "copy it anew, or export it again"
OTHER = "name another with --model"
CUDA = "CUDAExecutionProvider"


def read_bytes(path: Path) -> bytes:
    """Read a model file; anything but a regular file is refused and never waited for.

    Raise ModelError if it cannot be read, is empty, or larger than `MAX_BYTES`.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ModelError(f"{path} is no file (a pipe or device); {OTHER}")
            data = file.read(MAX_BYTES + 1) if status.st_size <= MAX_BYTES else b""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"cannot read the model {path}: {reason}; {OTHER}") from error
    if max(len(data), status.st_size) > MAX_BYTES:
        raise ModelError(
            f"{path}: more than {MAX_BYTES / 1e6:.0f} MB, which no model of musqa has; {OTHER}"
        )
    if not data:
        raise ModelError(f"{path} is empty; {ANEW}")
    return data


def _without_waiting(path: str, flags: int) -> int:
    """Open a file as ever, and a pipe without waiting for whoever may write to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def providers_of(device: str) -> list[Any]:
    """Return what onnxruntime calls a device.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:N"``, or ``"auto"``: a GPU if onnxruntime can use one.

    Returns
    -------
    list
        For `onnxruntime.InferenceSession`.

    Raises
    ------
    SettingsError
        If this onnxruntime knows no GPU.
    """
    import onnxruntime

    cpu = "CPUExecutionProvider"
    if device == "cpu":
        return [cpu]
    if CUDA not in onnxruntime.get_available_providers():
        if device == "auto":
            return [cpu]
        raise SettingsError(
            f"device={device!r}: the onnxruntime here knows no GPU; use cpu, install "
            "onnxruntime-gpu in its place, or name the folder of a run with --model"
        )
    return [(CUDA, {"device_id": int(device.partition(":")[2] or 0)}), cpu]


def open_session(data: bytes, path: Path, *, device: str = "cpu") -> Any:
    """Open a session of one thread on a device of `providers_of`.

    Raise ModelError, which names `path`, if onnxruntime cannot load it; SettingsError if there is
    no such device.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised, and said once
    providers = providers_of(device)
    try:
        # Its fallback, to the same provider, would print what is wrong on standard output.
        session = onnxruntime.InferenceSession(
            data, options, providers=providers, enable_fallback=0
        )
    except Exception as error:  # onnxruntime's classes have no common root of their own
        raise ModelError(
            f"{path} is no ONNX file that onnxruntime can load ({shown(error)}); musqa model "
            "export makes one of a trained run"
        ) from error
    if device not in ("cpu", "auto") and CUDA not in session.get_providers():
        raise SettingsError(f"device={device!r}: onnxruntime cannot use that GPU; use cpu")
    return session


def read_metadata(session: Any, key: str, path: Path) -> str:
    """Return the text of an entry of the metadata.

    Raise ModelError, which names `path`, if there is no such entry, or it is no text.
    """
    try:
        text = session.get_modelmeta().custom_metadata_map.get(key)
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: its metadata are no text; {ANEW}") from error
    if text is None:
        raise ModelError(
            f"{path} is an ONNX file, but not one of musqa's: its metadata have no key "
            f"{key!r}; musqa model export makes one of a trained run"
        )
    return str(text)


def has_input(session: Any, name: str) -> bool:
    """Tell whether a model has an input of this name; one whose names are no text has none."""
    try:
        return name in [port.name for port in session.get_inputs()]
    except UnicodeDecodeError:
        return False


def check_ports(
    session: Any, wanted: Mapping[str, tuple[str, tuple[int | str, ...]]], path: Path
) -> None:
    """Raise ModelError unless a model takes and gives what it should.

    That is the type and the shape of each input and output, by name; a length that is left open has
    a name.
    """
    try:
        ports = session.get_inputs() + session.get_outputs()
        found = {p.name: (p.type, tuple(p.shape)) for p in ports}
    except UnicodeDecodeError:
        found = {}
    if found != wanted:
        raise ModelError(
            f"{path}: inputs and outputs are {str(found)[:300]}, expected {wanted}; export it again"
        )


def shown(error: Exception) -> str:
    """Return the first line of an error of onnxruntime, of letters that can be shown."""
    return "".join(c if c.isprintable() else "?" for c in first_line(error).strip()[:200])
