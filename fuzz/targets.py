"""One target a reader: bytes in, and nothing but the project's deliberate errors may come out.

A target writes the bytes where the reader expects a file, reads them and uses what was read as the
product would: an error that shows only when a value is stored or hashed is an error too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from fuzz.audio_targets import audio_blocks, audio_scoring, audio_tracks
from fuzz.model_file import model_file
from fuzz.recipe import SECOND_FILE, recipe
from fuzz.wav2vec2_folder import wav2vec2_config, wav2vec2_tensors
from musqa_pipeline.audio.files.pairs import read_pairs
from musqa_pipeline.catalogs.file_hashes import hash_file
from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.catalogs.identity import track_unit_id
from musqa_pipeline.catalogs.known import load_catalog, to_toml
from musqa_pipeline.catalogs.readers.folder import read_folder
from musqa_pipeline.catalogs.readers.pmqd import write_opinions
from musqa_pipeline.catalogs.readers.registry import READERS
from musqa_pipeline.core.csv_files import read_rows
from musqa_pipeline.core.errors import (
    CatalogError,
    ModelError,
    MusqaError,
    SettingsError,
    UnfitInputError,
)
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.workers.interface import Limits
from musqa_pipeline.core.workers.pool import WorkerPool
from musqa_pipeline.learning.imports.keras_files import (
    EndlessFileError,
    read_keras_file,
    read_unguarded,
)
from musqa_pipeline.stages.graph import load_preset
from musqa_pipeline.stages.rows import ROWS
from musqa_pipeline.stages.tracks.stage import check_readable
from musqa_pipeline.studies.listening.compare import read_predictions, read_repetitions
from musqa_pipeline.studies.listening.mos import mean_opinions, read_opinions
from musqa_pipeline.studies.listening.plan import read_plan
from musqa_pipeline.studies.listening.ratings import is_webmushra, read_plain, read_webmushra
from musqa_pipeline.studies.listening.screening import missing_data, screen
from musqa_pipeline.studies.listening.settings import ScreeningSettings, StimuliSettings

Target = Callable[[bytes, Path], None]
SEEDS = Path(__file__).parent / "seeds"
POOL: WorkerPool | None = None
"""A process that does nothing but fuzz sets one, so that not each input costs a child process."""
AUDIO_OF_DATASETS = (
    "fma_small/000/000002.mp3", "train_data/1.wav", "audio/a.wav", "V1/Ann_Song/Ann_Song_MIX.wav",
)  # fmt: skip


def catalog_csv(data: bytes, folder: Path) -> None:
    """Read a `tracks.csv`, identify its files and store what it says."""
    (folder / "a.wav").touch()
    (folder / "tracks.csv").write_bytes(data)
    columns = {"recording": "work"} if b"work" in data[:200] else {}
    for entry in read_folder(Source(folder, columns)).entries:
        track_unit_id(entry, hash_file(entry.path)[0])
        pa.array([entry.printable, *entry.metadata.values()], pa.string())
        try:
            check_readable(entry.path)
        except UnfitInputError as error:
            pa.array([error.reason, error.detail, error.advice], pa.string())


def catalog_toml(data: bytes, folder: Path) -> None:
    """Read a `catalog.toml` and write it again: what was read must come back."""
    path = folder / "catalogs" / "c" / "catalog.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    catalog = load_catalog(folder, "c")
    path.write_text(to_toml(catalog), encoding="utf-8", newline="")
    assert load_catalog(folder, "c") == catalog


def preset(data: bytes, folder: Path) -> None:
    """Read a preset that may extend a second one, and fingerprint its sections."""
    first, _, second = data.partition(SECOND_FILE)
    (folder / "first.toml").write_bytes(first)
    (folder / "second.toml").write_bytes(second)
    found = load_preset(folder / "first.toml")
    assert found.name == "first"
    for section in {row.section for row in ROWS if row.section}:
        digest(found.section(section))


def ratings(data: bytes, folder: Path) -> None:
    """Read the ratings of a listening test, screen the listeners and average the others."""
    first, parted, second = data.partition(SECOND_FILE)
    path, key = folder / "ratings.csv", folder / "key.csv"
    path.write_bytes(first)
    key.write_bytes(second)
    if is_webmushra(read_rows(path)[0]):
        found = read_webmushra(path, key if parted else None)
    else:
        found = read_plain(path)
    missing_data(found)
    rejected = screen(found, ScreeningSettings())
    mean_opinions(found.without([r.rater for r in rejected]))


def listening_tables(data: bytes, folder: Path) -> None:
    """Read opinions, predictions, plans of tests and lists of pairs."""
    path = folder / "table.csv"
    path.write_bytes(data)
    readers: tuple[Callable[[], object], ...] = (
        lambda: read_opinions(path),
        lambda: read_predictions(path),
        lambda: read_repetitions(path),
        lambda: read_plan(path, StimuliSettings()),
        lambda: read_pairs(path),
    )
    for read in readers:
        try:
            read()
        except SettingsError:
            continue


def datasets(data: bytes, folder: Path) -> None:
    """Read the metadata of every dataset, and a list of files; ratings of PMQD are written."""
    song = "Ann_Song"
    files = {
        "fma": "fma_metadata/tracks.csv",
        "musicnet": "musicnet_metadata.csv",
        "pmqd": "pmqd.csv",
        "medleydb": f"V1/{song}/{song}_METADATA.yaml",
        "csv": "list.csv",
    }
    for file in (*files.values(), *AUDIO_OF_DATASETS):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
    for file in AUDIO_OF_DATASETS:
        (folder / file).touch()
    for name, file in files.items():
        (folder / file).write_bytes(data)
        try:
            found = READERS[name].read(Source(folder / file if name == "csv" else folder))
            for entry in found.listing.entries:
                pa.array([entry.printable, *entry.metadata.values()], pa.string())
                hash_file(entry.path)
            [str(difference).encode("utf-8", "surrogateescape") for difference in found.differences]
            if name == "pmqd":
                write_opinions(folder, folder / "opinions.csv")
        except CatalogError as error:
            str(error).encode("utf-8", "surrogateescape")
        (folder / file).unlink()
    (folder / "fma_small" / "checksums").write_bytes(data)
    try:
        list(READERS["fma"].checksums(folder))
    except CatalogError:
        return


def keras_file(data: bytes, folder: Path) -> None:
    """Read weights of Keras: HDF5, or a ZIP that holds it."""
    path = folder / "x.keras"
    path.write_bytes(data)
    try:
        read_keras_file(path, limits=Limits(time_s=5.0), pool=POOL)
    except EndlessFileError:
        raise
    except ModelError:
        pass
    read_unguarded(path)  # once more here, where coverage is seen


TARGETS: dict[str, Target] = {
    "catalog_csv": catalog_csv,
    "catalog_toml": catalog_toml,
    "preset": preset,
    "ratings": ratings,
    "listening_tables": listening_tables,
    "datasets": datasets,
    "recipe": recipe,
    "keras_file": keras_file,
    "model_file": model_file,
    "wav2vec2_config": wav2vec2_config,
    "wav2vec2_tensors": wav2vec2_tensors,
    "audio_tracks": audio_tracks,
    "audio_scoring": audio_scoring,
    "audio_blocks": audio_blocks,
}


def seed_folder(name: str) -> Path:
    """Return where the seeds of a target lie; those of audio share theirs."""
    return SEEDS / ("audio" if name.startswith("audio_") else name)


def accepts_or_refuses(name: str, data: bytes, folder: Path) -> bool:
    """Run a target once.

    Parameters
    ----------
    name : str
        Key of `TARGETS`.
    data : bytes
        Foreign input.
    folder : Path
        An empty folder, or one that earlier inputs of the same target used.

    Returns
    -------
    bool
        True if the input was accepted, False if it was refused by a deliberate error. All else is
        raised: it is a finding.
    """
    try:
        TARGETS[name](data, folder)
    except MusqaError as error:
        str(error).encode("utf-8", "surrogateescape")
        return False
    return True
