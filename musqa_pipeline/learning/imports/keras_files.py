"""Reading weights out of Keras' files, without Keras: which layers there are, and their arrays.

Three layouts: HDF5 of Keras 2 (weights alone, or ``model_weights`` of a whole model),
``.weights.h5`` of Keras 3, and ``.keras``, a ZIP that holds one of those. Arrays are found by
walking the file's own groups: links, which may lead to other files, are not followed. Files are
read in a child process with a time limit, for the HDF5 library loops for ever on some damaged ones.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.core.workers.interface import Limits, Lost
from musqa_pipeline.core.workers.pool import WorkerPool
from musqa_pipeline.learning.imports.keras_graph import KerasGraph, graph_of

LARGEST_BYTES = 1 << 30
"""More weights than this are not read; table III has 62 MB, table IV with VGG19 576."""
LONGEST_S, SLOWEST_BYTES_PER_S, MOST_GB = 60.0, 10_000_000, 8.0
"""Reading a file may take this long, and as long again as a slow disk needs for it."""
_ROLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
_TOO_LARGE = "too large; save the weights of the network without those of its training"


class EndlessFileError(ModelError):
    """Reading a file took too long, or killed the process that did it."""


@dataclass(frozen=True)
class KerasLayer:
    """A layer with weights."""

    name: str
    """Empty where the file does not say."""
    place: str
    """Where in the file its arrays lie."""
    arrays: tuple[NDArray[np.float32], ...]
    """Kernel and bias, or gamma, beta, mean and variance, without those that it does not have; in
    Keras' order of axes."""


@dataclass(frozen=True)
class KerasFile:
    """What a file holds."""

    layers: tuple[KerasLayer, ...]
    """Layers with weights, in the order of the model."""
    layout: str
    """Which of the layouts it is, in words."""
    keras_version: str
    """Empty where the file does not say."""
    graph: KerasGraph | None
    """How the layers are set and what each reads, if the file holds a whole model."""


def read_keras_file(
    path: Path, *, limits: Limits | None = None, pool: WorkerPool | None = None
) -> KerasFile:
    """Read a file of Keras (``.h5``, ``.hdf5``, ``.weights.h5`` or ``.keras``) in a child process.

    For many files, `pool` is whose child reads them; it may take as much as `limits` say, and
    otherwise what the file's size lets expect.

    Raises
    ------
    ModelError
        If it is absent, damaged, none of Keras' layouts, or too large.
    EndlessFileError
        If the HDF5 library comes to no end with it, or dies of it.
    """
    if limits is None:
        size = 0
        with suppress(OSError):  # of which the child tells
            size = path.stat().st_size
        limits = Limits(LONGEST_S + size / SLOWEST_BYTES_PER_S, MOST_GB)
    own = pool or WorkerPool()
    try:
        found = own.run(read_unguarded, path, limits)
    finally:
        if pool is None:
            own.dismiss()
    if isinstance(found, Lost):
        raise EndlessFileError(
            f"{path} cannot be read as a file of Keras: the HDF5 library came to no end with it in "
            f"{limits.time_s:g} s or died of it, so it is damaged; get it again"
        )
    return found


def read_unguarded(path: Path) -> KerasFile:
    """Read a file of Keras in this process; see `read_keras_file`."""
    try:
        if zipfile.is_zipfile(path):
            return _read_archive(path)
        with h5py.File(path, "r") as file:
            return _read_hdf5(file, path)
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist; check the path") from error
    except (
        *(OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error, EOFError),
    ) as error:
        raise ModelError(
            f"{path} cannot be read as a file of Keras ({error}); give an .h5, .hdf5, .weights.h5 "
            "or .keras file"
        ) from error


def _read_archive(path: Path) -> KerasFile:
    with zipfile.ZipFile(path) as archive:
        names = {info.filename: info.file_size for info in archive.infolist()}
        if not {"config.json", "model.weights.h5"} <= names.keys():
            raise ModelError(
                f"{path} is a ZIP with {', '.join(sorted(names)[:5]) or 'nothing'} in it, and no "
                ".keras file, which has config.json and model.weights.h5"
            )
        if sum(names.values()) > LARGEST_BYTES:
            raise ModelError(f"{path} unpacks to {sum(names.values()):,} bytes: {_TOO_LARGE}")
        graph = graph_of(json.loads(archive.read("config.json")))
        said = json.loads(archive.read("metadata.json")) if "metadata.json" in names else {}
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            found = _read_hdf5(file, path)
    version = str(said.get("keras_version", ""))
    return KerasFile(found.layers, "a .keras archive", version, graph)


def _read_hdf5(file: h5py.File, path: Path) -> KerasFile:
    there = _datasets(file, path)
    version = _text(file.attrs.get("keras_version", ""))
    if "layer_names" in file.attrs:
        layers = _keras_2(file, there)
        return KerasFile(layers, "HDF5 weights of Keras 2", version, None)
    if "model_weights" in file:
        group = file["model_weights"]
        graph = graph_of(json.loads(_text(file.attrs["model_config"])))
        version = version or _text(group.attrs.get("keras_version", ""))
        return KerasFile(_keras_2(group, there), "an HDF5 model of Keras 2", version, graph)
    if any(name.startswith("layers/") for name in there):
        return KerasFile(_keras_3(file, there), "weights of Keras 3", version, None)
    raise ModelError(
        f"{path} is HDF5, but holds neither layer_names, nor model_weights, nor layers, as files "
        "of Keras do"
    )


def _datasets(file: h5py.File, path: Path) -> dict[str, h5py.Dataset]:
    """List the arrays that lie in the file itself, by name."""
    found: dict[str, h5py.Dataset] = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.external is None and not item.is_virtual:
            found[name] = item

    file.visititems(note)
    size = sum(dataset.size * dataset.dtype.itemsize for dataset in found.values())
    if size > LARGEST_BYTES:
        raise ModelError(f"{path} holds {size:,} bytes of arrays: {_TOO_LARGE}")
    return found


def _keras_2(group: h5py.Group, there: dict[str, h5py.Dataset]) -> tuple[KerasLayer, ...]:
    """Read ``<layer>/<any names>/<layer>/<role>:0``: of models inside, the last layer counts."""
    top = group.name.strip("/")
    found: dict[tuple[str, str], list[str]] = {}
    for outer in map(_text, group.attrs["layer_names"]):
        for said in map(_text, group[outer].attrs["weight_names"]):
            inner = said.rpartition("/")[0].rpartition("/")[2] or outer
            path = "/".join(filter(None, (top, outer, said)))
            found.setdefault((outer, inner), []).append(path)
    return tuple(
        KerasLayer(inner, inner if inner == outer else f"{outer}/{inner}", _in_order(paths, there))
        for (outer, inner), paths in found.items()
    )


def _in_order(paths: list[str], there: dict[str, h5py.Dataset]) -> tuple[NDArray[np.float32], ...]:
    """Read the arrays of a layer in the order of `_ROLES`, whatever the order of names."""

    def rank(path: str) -> int:
        name = path.rpartition("/")[2].partition(":")[0]
        return [*_ROLES, name].index(name)

    return tuple(_array(there[path]) for path in sorted(paths, key=rank))


def _keras_3(file: h5py.File, there: dict[str, h5py.Dataset]) -> tuple[KerasLayer, ...]:
    """Read ``layers/<class>_<number>/vars/<number>``: numbers count the layers of one class.

    Models inside of the model have their own ``layers``, and numbers of their own.
    """
    paths: dict[str, list[str]] = {}
    for name in there:
        match = re.fullmatch(r"((?:layers/[^/]+/)*layers/[^/]+)/vars/\d+", name)
        if match:
            paths.setdefault(match[1], []).append(name)

    def place(key: str) -> tuple[int, int]:
        # Layers of two kinds do not say their order; convolutions go before dense layers.
        number = re.search(r"_(\d+)$", key)
        kernel = there[min(paths[key])]
        return -kernel.ndim, int(number[1]) if number else 0

    return tuple(
        KerasLayer(
            _text(file[f"{key}/vars"].attrs.get("name", "")),
            key,
            tuple(_array(there[name]) for name in sorted(paths[key])),
        )
        for key in sorted(paths, key=place)
    )


def _array(dataset: h5py.Dataset) -> NDArray[np.float32]:
    return np.asarray(dataset[()], np.float32)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
