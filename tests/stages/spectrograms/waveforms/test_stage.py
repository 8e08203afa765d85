"""The stage `waveforms`: which rows, which samples, and when it makes none."""

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf

from musqa_pipeline.audio.features.pcm import waveform
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.spectrograms.checks import check_waveforms
from musqa_pipeline.stages.spectrograms.row_shards import shard_files
from musqa_pipeline.stages.spectrograms.waveforms.table import WAVEFORMS
from tests.stages.spectrograms.small_dataset import (
    CATALOGS,
    FINGERPRINTS,
    N_EXCERPTS,
    SMALL,
    fill_lake,
    flac_notes,
)


def preset(*names):
    return parse_preset(
        "small",
        {"catalogs": list(CATALOGS), "spectrograms": SMALL, "models": {"names": list(names)}},
    )


def filled(folder, silent=None):
    fingerprints = {**FINGERPRINTS, "waveforms": "7" * 32}
    context = Context(folder, preset("w2v_mos_random"), None, fingerprints)
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
    """A lake after the stage, with a network that eats its samples."""
    context = filled(tmp_path_factory.mktemp("waveforms"))
    run_stage(get_stage("waveforms"), context)
    return context


def test_a_row_is_the_degraded_excerpt_at_16_khz_and_its_loudness(place):
    shards = ImageShards(shard_files(place, "waveforms"), "test")
    assert shards.shape == MODELS["w2v_mos"].input.shapes[0] == (160_000, 1)
    assert shards.dtype == np.int16
    (batch,) = iter_rows(shards)
    for samples, degraded_id in zip(batch.images, batch.degraded_ids, strict=True):
        stored = flac_notes(300 + 200 * int(degraded_id.rpartition("-")[2]))
        notes, _ = sf.read(io.BytesIO(stored), dtype="float32")
        louder = waveform(notes * np.float32(10 ** (6 / 20)))  # `gain_db`
        np.testing.assert_allclose(samples[:, 0], louder.pcm / 32_768, atol=1.01 / 32_768)
        assert np.abs(samples).max() > 0.05


def test_every_chosen_row_has_its_waveform_and_label_and_a_network_without_needs_none(place):
    dataset = place.lake.read(place.joint_partition("dataset"), "dataset").to_pylist()
    rows = place.lake.scan(place.joint_partition("waveforms"), WAVEFORMS.schema).to_pylist()
    assert sorted((r["catalog"], r["degraded_id"], r["quality"]) for r in rows) == sorted(
        (r["catalog"], r["degraded_id"], r["quality"]) for r in dataset
    )
    assert all(row["min_db"] < row["max_db"] < 0 for row in rows)
    other = replace(place, preset=preset("cnn1d"))
    assert get_stage("waveforms").units(other) == []
    assert check_waveforms(other).passed


def test_a_silent_excerpt_is_named(tmp_path):
    context = filled(tmp_path, silent=("south", 1, 3))
    with pytest.raises(StageError, match=r"waveforms: 0+1-0-3 of catalog south .*silent"):
        run_stage(get_stage("waveforms"), context)


def test_the_check_finds_what_is_missing_silent_or_of_another_level(place, tmp_path):
    sound = check_waveforms(place)
    assert sound.passed
    assert (sound.numbers["n_waveforms"], sound.numbers["n_wanted"]) == (24, 24)
    context = filled(tmp_path)
    assert not check_waveforms(context).passed
    run_stage(get_stage("waveforms"), context)
    partition = context.joint_partition("waveforms")
    unit = context.lake.done(partition)[0]
    first, second, *others = context.lake.read(partition, unit).to_pylist()
    first["image"] = bytes(len(first["image"]))
    second["image"] = second["image"][:-2]
    context.lake.write(partition, unit, WAVEFORMS.from_rows([first, second, *others]))
    found = check_waveforms(context)
    counted = [found.numbers[name] for name in ("n_wrong_size", "n_silent", "n_wrong_level")]
    assert (found.passed, counted) == (False, [1, 1, 1])
