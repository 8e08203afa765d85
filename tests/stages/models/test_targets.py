"""Networks with more than one teacher, on a lake whose opinions are written by hand."""

import dataclasses

import numpy as np
import polars as pl
import pytest
import torch

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.settings.dataset import OpinionsSettings
from musqa_pipeline.learning.data.loader import make_loader
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.entry import PLANNED
from musqa_pipeline.learning.networks.taught import N_PROCESSES
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models import targets
from musqa_pipeline.stages.models.stage import run_folder, unit_id_of
from musqa_pipeline.stages.models.targets import PROCESSES, add_further_targets, planned
from musqa_pipeline.stages.spectrograms.row_shards import shard_files
from tests.stages.models.tiny_lake import TINY

REFUSED = "train3"


def loss_of_three(network, images, wanted):
    """Fail wherever targets are not those of `opinions`, in any process."""
    quality, nlpd, ms_ssim = wanted.T
    refused = nlpd.isnan()
    assert torch.equal(refused, ms_ssim.isnan())
    torch.testing.assert_close(nlpd[~refused], 0.5 * quality[~refused])
    torch.testing.assert_close(ms_ssim[~refused], 1 - quality[~refused])
    return (network(images) - nlpd.nan_to_num(0)).square().mean()


@pytest.fixture
def taught(context, monkeypatch):
    entry = dataclasses.replace(TINY, further_targets=("nlpd", "ms_ssim"), loss=loss_of_three)
    monkeypatch.setitem(MODELS, "tiny", entry)
    preset = dataclasses.replace(
        context.preset, opinions=OpinionsSettings(metrics=("ms_ssim", "log_mel_mse", "nlpd"))
    )
    context = dataclasses.replace(
        context, preset=preset, fingerprints={**context.fingerprints, "opinions": "7" * 32}
    )
    shards = ImageShards(shard_files(context), "train", "every")
    rows = []
    for row in shards.labels.to_pylist():
        about = {key: row[key] for key in ("degraded_id", "excerpt_id", "catalog", "mos")}
        quality = row["quality"]
        said = {"nlpd 1": 0.5 * quality, "ms_ssim 1": 1 - quality, "log_mel_mse 1": 0.25}
        rows += [
            {**about, "metric": metric, "second_mos": 1 + 4 * score, "second_distance": 0.0,
             "disagreement": 0.0}
            for metric, score in said.items() if row["degraded_id"] != REFUSED
        ]  # fmt: skip
    rows.reverse()  # rows are told apart by their keys, and not by their order
    context.lake.write(context.joint_partition("opinions"), "demo.e", OPINIONS.from_rows(rows))
    return context


def test_batches_hold_what_each_teacher_said_of_each_row(taught):
    shards = ImageShards(shard_files(taught), "train")
    add_further_targets("tiny", shards, [taught])
    quality = np.concatenate([t.numpy() for _, t in make_loader(shards, batch_size=7, seed=2)])
    assert quality.shape == (shards.n_rows, 3)
    assert sorted(quality[:, 0]) == sorted(shards.quality)
    missing = np.isnan(quality).any(1)
    assert missing.sum() == 1
    np.testing.assert_allclose(quality[~missing, 1], 0.5 * quality[~missing, 0], atol=1e-6)


def test_a_training_of_the_graph_gets_them(taught):
    report = run_stage(get_stage("models"), taught, log=print)
    assert (report.made, report.quarantined) == (1, 0)
    assert (run_folder(taught, "tiny") / "weights.pt").exists()


def test_other_opinions_are_another_training_and_one_teacher_knows_none(
    taught, context, monkeypatch
):
    others = dataclasses.replace(taught, fingerprints={**taught.fingerprints, "opinions": "8" * 32})
    assert unit_id_of(others, "tiny") != unit_id_of(taught, "tiny")
    monkeypatch.setitem(MODELS, "tiny", TINY)
    assert unit_id_of(others, "tiny") == unit_id_of(context, "tiny")


def test_a_preset_without_a_teacher_is_told_what_to_set(taught):
    preset = dataclasses.replace(taught.preset, opinions=OpinionsSettings(metrics=("ms_ssim",)))
    with pytest.raises(SettingsError, match=r"tiny learns from nlpd, .* set \[opinions\] metrics"):
        unit_id_of(dataclasses.replace(taught, preset=preset), "tiny")


def test_opinions_that_are_not_there_yet_are_asked_for(taught):
    others = dataclasses.replace(taught, fingerprints={**taught.fingerprints, "opinions": "8" * 32})
    shards = ImageShards(shard_files(taught), "train")
    with pytest.raises(StageError, match="no row has a target of nlpd or ms_ssim; run the stage"):
        add_further_targets("tiny", shards, [others])


ROWS = pl.DataFrame(
    [
        {"last_name": "lowpass", "last_cutoff_hz": 3_464.1, "last_params": None},
        {"last_name": "lowpass", "last_cutoff_hz": 6_000.0, "last_params": '{"order": 2}'},
        {"last_name": "lowpass", "last_cutoff_hz": 6_000.0,
         "last_params": '{"order": null, "family": "fir"}'},
        {"last_name": "resample", "last_params": '{"sample_rate_hz": 8000.0, "quality": "LQ"}'},
        {"last_name": "mp3", "last_params": None},
        {"last_name": "mp3", "first_name": "lowpass", "first_cutoff_hz": 500.0,
         "first_params": '{"order": 8}'},
        {"last_name": "lowpass", "last_cutoff_hz": 12_000.0, "last_params": '{"order": 2}',
         "first_name": "resample", "first_params": '{"sample_rate_hz": 16000.0}'},
        {"last_name": "reference"},
    ],
    schema={
        "last_name": pl.String, "last_cutoff_hz": pl.Float64, "last_params": pl.String,
        "first_name": pl.String, "first_cutoff_hz": pl.Float64, "first_params": pl.String,
    },
).with_columns(catalog=pl.lit("c"), degraded_id=pl.int_range(8).cast(pl.String))  # fmt: skip


def test_a_plan_says_where_a_band_ends_how_steeply_and_what_came_last():
    found = planned(ROWS)
    octaves = np.log2(48)
    edge = [3_464.1, 6_000, 6_000, 4_000, None, 500, 8_000, None]
    expected = [None if hz is None else np.log2(hz / 500) / octaves for hz in edge]
    assert found["cutoff"].to_list() == [None if x is None else pytest.approx(x) for x in expected]
    assert found["slope"].to_list() == [0.4, 0.2, 1.0, 1.0, None, 0.8, 1.0, None]
    names = [None if code is None else PROCESSES[int(code)] for code in found["codec"]]
    assert names == ["lowpass"] * 3 + ["resample", "mp3", "mp3", "lowpass", None]
    assert len(PROCESSES) <= N_PROCESSES


def test_plans_are_targets_without_any_opinion(context, monkeypatch):
    entry = dataclasses.replace(TINY, further_targets=PLANNED)
    monkeypatch.setitem(MODELS, "tiny", entry)
    shards = ImageShards(shard_files(context), "train", "every")
    ids = shards.labels["degraded_id"].to_pylist()
    rows = ROWS[:2].with_columns(catalog=pl.lit("demo"), degraded_id=pl.Series(ids[2:4]))
    monkeypatch.setattr(targets, "read_labelled_rows", lambda context: rows)
    assert targets.further_inputs(context, "tiny") == []
    add_further_targets("tiny", shards, [context])
    assert shards.targets.shape == (shards.n_rows, 4)
    there = ~np.isnan(shards.targets).any(1)
    assert [ids[row] for row in np.flatnonzero(there)] == ids[2:4]
    np.testing.assert_allclose(shards.targets[2:4, 2:], [[0.4, 0], [0.2, 0]], atol=1e-6)
