import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musqa_pipeline.catalogs.sampled_music.catalog import write_sampled_catalog
from musqa_pipeline.catalogs.sampled_music.font import DEFAULT_FONT, SoundFont, open_font

N_TRACKS = 20
EACH_ONCE = 9 / 20
"""The share of dark styles under which every style has its turn once."""
DURATION_S = 4.0


@pytest.fixture(scope="session")
def font() -> SoundFont:
    if shutil.which("fluidsynth") is None or not DEFAULT_FONT.is_file():
        pytest.skip("needs FluidSynth and FluidR3 GM: make sampler")
    return open_font()


@pytest.fixture(scope="session")
def catalog_folder(font: SoundFont, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every style once, dark and bright in turn, 4 s each."""
    folder = tmp_path_factory.mktemp("sampled") / "catalog"
    write_sampled_catalog(folder, n_tracks=N_TRACKS, duration_s=DURATION_S, dark_share=EACH_ONCE)
    return folder


@pytest.fixture(scope="session")
def tracks(catalog_folder: Path) -> dict[str, np.ndarray]:
    """Samples of the catalog's tracks by file, each of shape (2, samples)."""
    files = sorted(catalog_folder.glob("*.flac"))
    return {file.name: soundfile.read(file, always_2d=True)[0].T for file in files}
