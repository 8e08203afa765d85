"""MedleyDB: 196 multitracks in two versions; the mixes alone are read.

The dataset has no parts: artists are named, and a split keeps them together. Metadata are a YAML
file a song, beside its mix or in a folder ``Metadata``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from musqa_pipeline.catalogs.folder import Entry, Source, walk_audio
from musqa_pipeline.catalogs.readers.interface import Found, Reader, entry, found
from musqa_pipeline.core.errors import CatalogError

MIX, METADATA = "_MIX.wav", "_METADATA.yaml"
LONGEST_YAML_BYTES = 1 << 20
LICENCE = "CC-BY-NC-SA-4.0"


def read(source: Source) -> Found:
    """List the mixes."""
    folder = source.folder
    walk = walk_audio(source)
    mixes, surplus = {}, []
    for file in walk.audio:
        path = PurePosixPath(file)
        song = path.name.removesuffix(MIX)
        if path.name.endswith(MIX) and path.parent.name == song:
            mixes[song] = file
        elif "_STEM" in path.name or "_RAW" in path.name:
            walk.others.append(file)
        else:
            surplus.append(file)
    if not mixes:
        raise READER.wrong_layout(folder, f"<song>/<song>{MIX}")
    described = {
        PurePosixPath(file).name.removesuffix(METADATA): file
        for file in walk.others
        if file.endswith(METADATA)
    }
    return found(
        (_song(source, song, file, described.get(song)) for song, file in mixes.items()),
        walk,
        {
            "missing (described, but without a mix)": (
                f"{song}{MIX}" for song in described.keys() - mixes.keys()
            ),
            "without metadata (the artist is taken from the name)": mixes.keys() - described.keys(),
            "left out, not MedleyDB's": surplus,
        },
    )


def looks_like(folder: Path) -> bool:
    """Whether a folder has a song's mix where MedleyDB has it."""
    return any(
        path.name == f"{path.parent.name}{MIX}"
        for pattern in ("*/*", "*/*/*")
        for path in folder.glob(f"{pattern}{MIX}")
    )


def _song(source: Source, song: str, file: str, described: str | None) -> Entry:
    said = _metadata(source, described) if described else {}
    artist, _, title = song.partition("_")
    return entry(
        source.folder,
        file,
        title=_text(said.get("title")) or title,
        artist=_text(said.get("artist")) or artist,
        recording=song,
        genre=_text(said.get("genre")),
        licence=LICENCE,
    )


def _metadata(source: Source, file: str) -> Mapping[str, Any]:
    import yaml

    path = source.folder / file
    source.require_inside(path)
    try:
        if path.stat().st_size > LONGEST_YAML_BYTES:
            raise ValueError(f"larger than {LONGEST_YAML_BYTES} bytes")
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise CatalogError(
            f"{path} cannot be used ({type(error).__name__}: {error}); get the file again"
        ) from error
    if not isinstance(said, dict):
        raise CatalogError(f"{path} cannot be used: expected keys and values; get the file again")
    return said


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


READER = Reader(
    name="medleydb",
    title="MedleyDB 1 and 2",
    licence="CC BY-NC-SA 4.0: not for commercial use",
    citation="R. Bittner, J. Salamon, M. Tierney, M. Mauch, C. Cannam, J. P. Bello, MedleyDB: a "
    "multitrack dataset for annotation-intensive MIR research, ISMIR 2014",
    source="medleydb.weebly.com (audio on request); metadata in github.com/marl/medleydb",
    layout=f"<song>/<song>{MIX} in a folder Audio, V1 or V2, and <song>{METADATA} beside it or "
    "in a folder Metadata",
    looks_like=looks_like,
    lists=read,
    expects="122 songs (version 1) and 74 (version 2)",
)
