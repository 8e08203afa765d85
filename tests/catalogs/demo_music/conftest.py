from pathlib import Path

import numpy as np
import pytest
import soundfile

from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog
from musqa_pipeline.catalogs.demo_music.styles import STYLES

N_TRACKS = len(STYLES) + 1
DURATION_S = 3.0


@pytest.fixture(scope="session")
def catalog_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every style once and the first one twice, 3 s each."""
    folder = tmp_path_factory.mktemp("synthesis") / "demo"
    write_demo_catalog(folder, n_tracks=N_TRACKS, duration_s=DURATION_S)
    return folder


@pytest.fixture(scope="session")
def tracks(catalog_folder: Path) -> list[np.ndarray]:
    """Samples of the catalog's tracks, each of shape (2, samples)."""
    files = sorted(catalog_folder.glob("*.flac"))
    return [soundfile.read(file, always_2d=True)[0].T for file in files]
