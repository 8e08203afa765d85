"""The stage `pairs`: which rows, which cells, and when it makes none."""

import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import soundfile as sf
import torch

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.features.gammatone_bands import N_BANDS, N_FRAMES
from musqa_pipeline.audio.features.gammatone_bands_torch import band_cells
from musqa_pipeline.audio.files.flac import to_flac, to_int16
from musqa_pipeline.core.settings.models import ProtocolsSettings
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.intrusive.run import TrainedRun
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.scoring.compare import Comparer
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.runs import newest_run, read_preset_runs
from musqa_pipeline.stages.models.stage import run_folder
from musqa_pipeline.stages.spectrograms.in_use import is_eaten
from musqa_pipeline.stages.spectrograms.pairs.table import PAIRS
from musqa_pipeline.stages.spectrograms.row_shards import shard_files
from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS
from tests.stages.spectrograms.small_dataset import (
    CATALOGS,
    FINGERPRINTS,
    N_EXCERPTS,
    SMALL,
    fill_lake,
    flac_notes,
)


def reference(number):
    """A tone that no degraded row of the small lake has."""
    time_s = np.arange(EXCERPT_SAMPLES + 9_600) / 48_000
    return 0.2 * np.sin(2 * np.pi * (300 + 1_000 * number) * time_s)


def preset(*names):
    return parse_preset(
        "small",
        {"catalogs": list(CATALOGS), "spectrograms": SMALL, "models": {"names": list(names)}},
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A lake after the stage, with a network that sees both."""
    fingerprints = {**FINGERPRINTS, "excerpts": "e" * 32, "pairs": "7" * 32}
    context = Context(tmp_path_factory.mktemp("pairs"), preset("insenet"), None, fingerprints)
    streams = {
        (catalog, number, process): flac_notes(300 + 200 * process)
        for catalog in CATALOGS
        for number in range(N_EXCERPTS)
        for process in range(4)
    }
    fill_lake(context, streams)
    for catalog in CATALOGS:
        for number in range(N_EXCERPTS):
            excerpt_id = f"{number:016x}-0"
            blank = {c.name: _blank(c.type) for c in EXCERPTS.columns}
            row = blank | {"excerpt_id": excerpt_id, "flac": to_flac(to_int16(reference(number)))}
            partition = context.partition("excerpts", catalog)
            context.lake.write(partition, excerpt_id, EXCERPTS.from_rows([row]))
    run_stage(get_stage("pairs"), context)
    return context


def _blank(kind):
    if pa.types.is_string(kind):
        return ""
    return b"" if pa.types.is_binary(kind) else False if pa.types.is_boolean(kind) else 0


def test_an_image_holds_the_reference_then_the_degraded_excerpt(place):
    shards = ImageShards(shard_files(place, "pairs"), "test")
    assert shards.shape == (N_FRAMES, 2 * N_BANDS)
    assert shards.shape == (MODELS["insenet"].input.n_frames, MODELS["insenet"].input.n_bands)
    (batch,) = iter_rows(shards)
    expected = band_cells(torch.from_numpy(reference(2)[:EXCERPT_SAMPLES].astype(np.float32)))
    for image, degraded_id in zip(batch.images, batch.degraded_ids, strict=True):
        torch.testing.assert_close(image[:, :N_BANDS], expected, atol=0.0025, rtol=0)
        stored = flac_notes(300 + 200 * int(degraded_id.rpartition("-")[2]))
        notes, _ = sf.read(io.BytesIO(stored), dtype="float32")
        cells = band_cells(torch.from_numpy(notes))
        torch.testing.assert_close(image[:, N_BANDS:], cells, atol=0.0025, rtol=0)


def test_every_chosen_row_has_one_image_with_its_label(place):
    dataset = place.lake.read(place.joint_partition("dataset"), "dataset").to_pylist()
    pairs = place.lake.scan(place.joint_partition("pairs"), PAIRS.schema).to_pylist()
    assert sorted((r["catalog"], r["degraded_id"], r["quality"]) for r in pairs) == sorted(
        (r["catalog"], r["degraded_id"], r["quality"]) for r in dataset
    )
    assert max(row["storage_error"] for row in pairs) <= 1 / 510 + 1e-6


def test_a_preset_without_such_a_network_makes_none(place):
    other = replace(place, preset=preset("cnn1d"))
    assert not is_eaten(other.preset, "pairs")
    assert get_stage("pairs").units(other) == []
    under_protocol = replace(other.preset, protocols=ProtocolsSettings(folds={"insenet": 1}))
    assert is_eaten(under_protocol, "pairs")
    assert is_eaten(place.preset, "pairs")
    assert [unit.unit_id for unit in get_stage("pairs").units(place)] == place.lake.done(
        place.joint_partition("pairs")
    )


def test_without_the_network_what_is_there_stays(place):
    before = place.lake.done(place.joint_partition("pairs"))
    report = run_stage(get_stage("pairs"), replace(place, preset=preset("cnn1d")))
    assert (report.units, report.retired) == (0, 0)
    assert place.lake.done(place.joint_partition("pairs")) == before != []


def test_the_stage_models_trains_on_it_and_what_it_trained_compares(place, monkeypatch):
    monkeypatch.setenv("MUSQA_WORKERS", "1")
    recipe = {"insenet": {"max_epochs": 2, "batch_size": 4}}
    short = parse_preset(
        "small",
        {
            "catalogs": list(CATALOGS),
            "spectrograms": SMALL,
            "models": {"names": ["insenet"], "recipes": recipe},
        },
    )
    fingerprints = {**place.fingerprints, "models": "8" * 32}
    trained = replace(place, preset=short, fingerprints=fingerprints)
    run_stage(get_stage("models"), trained)
    (row,) = read_preset_runs(trained)
    assert (row["model"], row["epochs"], row["finished"]) == ("insenet", 2, True)
    assert row["n_train"] == len(CATALOGS) * 4  # every row, not those of the uniform draw alone
    assert newest_run(place.home) == run_folder(trained, "insenet")
    stored = flac_notes(500)
    notes, _ = sf.read(io.BytesIO(stored), dtype="float32")
    score = Comparer(TrainedRun(newest_run(place.home))).compare(notes, 0.5 * notes)
    assert 1.0 <= score.mos <= 5.0
    assert (score.lag_samples, score.common_s) == (0, 10.0)


def test_the_table_has_what_readers_of_images_need():
    names = set(PAIRS.schema.names)
    assert names == set(SPECTROGRAMS.schema.names)
