"""The lake that the first release wrote, unpacked for a test."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import Preset, parse_preset
from musqa_pipeline.stages.engine.context import Context

PACKED = Path(__file__).parent / "first_release" / "lake.tar.xz"
CATALOG = "first"


def unpack(folder: Path) -> Path:
    """Unpack it below a folder and return its home; its catalog points to ``folder/music``."""
    with tarfile.open(PACKED) as tar:
        if hasattr(tarfile, "data_filter"):  # Python 3.11 before 3.11.4 has none
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(folder)
    point_to(folder / "home", folder / "music")
    return folder / "home"


def point_to(home: Path, music: Path) -> None:
    """Let the catalog point to a folder."""
    toml = home / "catalogs" / CATALOG / "catalog.toml"
    toml.write_text(f'folder = "{music}"\nreader = "folder"\n')


def preset() -> Preset:
    """What the first release ran."""
    return parse_preset(
        CATALOG,
        {
            "catalogs": [CATALOG],
            "excerpts": {"flagged_tracks": "include"},
            "degradations": {"singles": [17, 33], "n_cascades": 0},
        },
    )


def first_stages(published: bytes | str) -> dict[str, str]:
    """The fingerprints under which the first release stored its results."""
    stages: dict[str, str] = json.loads(published)["presets"][CATALOG]["stages"]
    return stages


def stages_context(home: Home, stages: dict[str, str], catalog: str | None = CATALOG) -> Context:
    """The context of those fingerprints."""
    return Context(home, preset(), catalog, stages)


def first_context(home: Path, catalog: str | None = CATALOG) -> Context:
    """The context under which the first release stored its results, of a lake on a disk."""
    return stages_context(home, first_stages((home / "published.json").read_text()), catalog)
