"""The stage `nisqa_mels`: which rows, which cells, and when it makes none."""

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf

from musqa_pipeline.audio.features.nisqa_mel import nisqa_mel
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.models import ProtocolsSettings
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.runs import read_preset_runs
from musqa_pipeline.stages.spectrograms.checks import check_nisqa_images
from musqa_pipeline.stages.spectrograms.in_use import is_eaten
from musqa_pipeline.stages.spectrograms.nisqa.table import NISQA_MELS
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

NISQA_NETWORKS = ("nisqa", "nisqa_l1", "convmaxpool")
SHORT = {"max_epochs": 2, "batch_size": 4, "piece_hop_frames": 60}


def preset(*names):
    models = {"names": list(names), "recipes": dict.fromkeys(NISQA_NETWORKS, SHORT)}
    return parse_preset(
        "small", {"catalogs": list(CATALOGS), "spectrograms": SMALL, "models": models}
    )


def filled(folder, silent=None):
    fingerprints = {**FINGERPRINTS, "nisqa_mels": "7" * 32}
    context = Context(folder, preset("nisqa"), None, fingerprints)
    streams = {
        (catalog, number, process): flac_notes(300 + 200 * process)
        for catalog in CATALOGS
        for number in range(N_EXCERPTS)
        for process in range(4)
    }
    if silent:
        stream = io.BytesIO()
        sf.write(stream, np.zeros(480_000), 48_000, subtype="PCM_24", format="FLAC")
        streams[silent] = stream.getvalue()
    return fill_lake(context, streams)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A lake after the stage, with a network that eats its images."""
    context = filled(tmp_path_factory.mktemp("nisqa"))
    run_stage(get_stage("nisqa_mels"), context)
    return context


def test_an_image_is_nisqas_of_the_degraded_excerpt(place):
    shards = ImageShards(shard_files(place, "nisqa_mels"), "test")
    assert shards.shape == MODELS["nisqa"].input.shapes[0]
    assert shards.dtype == np.uint8
    (batch,) = iter_rows(shards)
    for image, degraded_id in zip(batch.images, batch.degraded_ids, strict=True):
        stored = flac_notes(300 + 200 * int(degraded_id.rpartition("-")[2]))
        notes, _ = sf.read(io.BytesIO(stored), dtype="float32")
        np.testing.assert_allclose(image, nisqa_mel(notes).image, atol=1 / 510 + 1e-6)


def test_every_chosen_row_has_one_image_with_its_label_and_its_levels(place):
    dataset = place.lake.read(place.joint_partition("dataset"), "dataset").to_pylist()
    partition = place.joint_partition("nisqa_mels")
    rows = place.lake.scan(partition, NISQA_MELS.schema).to_pylist()
    assert sorted((r["catalog"], r["degraded_id"], r["quality"]) for r in rows) == sorted(
        (r["catalog"], r["degraded_id"], r["quality"]) for r in dataset
    )
    notes, _ = sf.read(io.BytesIO(flac_notes(300)), dtype="float32")
    first = next(row for row in rows if row["degraded_id"].endswith("-0"))
    assert first["max_db"] == pytest.approx(nisqa_mel(notes).max_db + 6, abs=1e-3)  # `gain_db`
    assert set(NISQA_MELS.schema.names) == set(SPECTROGRAMS.schema.names)


@pytest.mark.parametrize("name", NISQA_NETWORKS)
def test_images_are_made_for_each_network_of_the_family_also_under_a_protocol(place, name):
    other = replace(place, preset=preset("cnn1d"))
    assert get_stage("nisqa_mels").units(other) == []
    assert is_eaten(preset(name), "nisqa_mels")
    under_protocol = replace(other.preset, protocols=ProtocolsSettings(folds={name: 1}))
    units = get_stage("nisqa_mels").units(replace(place, preset=under_protocol))
    assert [unit.unit_id for unit in units] == place.lake.done(place.joint_partition("nisqa_mels"))


def test_without_the_network_what_is_there_stays(place):
    before = place.lake.done(place.joint_partition("nisqa_mels"))
    report = run_stage(get_stage("nisqa_mels"), replace(place, preset=preset("cnn1d")))
    assert (report.units, report.retired) == (0, 0)
    assert place.lake.done(place.joint_partition("nisqa_mels")) == before != []


def test_a_silent_excerpt_is_named(tmp_path):
    context = filled(tmp_path, silent=("south", 1, 3))
    with pytest.raises(StageError, match=r"nisqa_mels: 0+1-0-3 of catalog south .*silent"):
        run_stage(get_stage("nisqa_mels"), context)


def test_the_check_counts_images_and_asks_for_none_where_none_is_eaten(place, tmp_path):
    found = check_nisqa_images(place)
    assert found.passed
    assert (found.numbers["n_images"], found.numbers["n_wanted"]) == (24, 24)
    empty = filled(tmp_path)
    assert not check_nisqa_images(empty).passed
    assert check_nisqa_images(replace(empty, preset=preset("cnn1d"))).passed


def test_the_check_finds_an_image_whose_loudest_cell_is_below_1(tmp_path):
    context = filled(tmp_path)
    run_stage(get_stage("nisqa_mels"), context)
    partition = context.joint_partition("nisqa_mels")
    unit = context.lake.done(partition)[0]
    first, *others = context.lake.read(partition, unit).to_pylist()
    cells = np.minimum(np.frombuffer(first["image"], np.uint8), 250)
    context.lake.write(
        partition, unit, NISQA_MELS.from_rows([{**first, "image": cells.tobytes()}, *others])
    )
    found = check_nisqa_images(context)
    assert (found.passed, found.numbers["n_not_stretched"]) == (False, 1)


def test_the_stage_models_trains_the_family_on_it(place, monkeypatch):
    monkeypatch.setenv("MUSQA_WORKERS", "1")
    fingerprints = {**place.fingerprints, "models": "8" * 32}
    trained = replace(place, preset=preset(*NISQA_NETWORKS), fingerprints=fingerprints)
    run_stage(get_stage("models"), trained)
    rows = {row["model"]: row for row in read_preset_runs(trained)}
    assert {name: row["epochs"] for name, row in rows.items()} == dict.fromkeys(NISQA_NETWORKS, 2)
    assert rows["nisqa"]["parameters"] == 218_402
    assert rows["convmaxpool"]["parameters"] == 135_073
