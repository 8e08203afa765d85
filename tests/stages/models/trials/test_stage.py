"""Trials on a lake written by hand: ten tracks, a tiny network, two baselines."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.settings.models import ProtocolsSettings
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.evaluation.slices import evaluate
from musqa_pipeline.stages.evaluation.trials import read_trials
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.training import train_on_images
from musqa_pipeline.stages.models.trials import networks
from musqa_pipeline.stages.models.trials.divisions import Trial, divide, with_labels_of_chance
from musqa_pipeline.stages.models.trials.stage import (
    list_units,
    make_unit,
    wanted_models,
)
from musqa_pipeline.stages.spectrograms.features.rows import read_rows
from tests.stages.evaluation.small_lake import ENTRY, PRESET, small_lake

PROTOCOLS = ProtocolsSettings(
    folds={"mean": 1, "brightness": 2}, repetitions={"upper_edge": 2}, n_folds=2
)


@pytest.fixture(scope="module", autouse=True)
def _network():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "brightness", ENTRY)
        patch.setitem(MODELS, "late", ENTRY)
        yield


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    preset = dataclasses.replace(
        PRESET,
        protocols=PROTOCOLS,
        models=dataclasses.replace(PRESET.models, max_epochs=2, batch_size=4),
    )
    context = small_lake(tmp_path_factory.mktemp("trials") / "home", preset=preset)
    report = run_stage(get_stage("trials"), context, log=print)
    assert report.made == report.units == 3 * 1 + 3 * 2 + 2
    return context


@pytest.fixture(scope="module")
def trials(context):
    return pl.DataFrame(
        context.lake.scan(context.joint_partition("trials"), get_stage("trials").table.schema)
    )


def test_every_recording_is_predicted_once_by_a_model_that_never_met_it(context, trials):
    rows = read_rows(context).filter(pl.col("uniform_draw") | pl.col("natural_mix"))
    for repetition in (0, 1):
        made = trials.filter(model="brightness", repetition=repetition)
        assert sorted(made["degraded_id"]) == sorted(rows["degraded_id"])
    assert trials["n_train_groups"].min() >= 1
    assert (trials.filter(model="brightness")["n_validation"] > 0).all()


def test_the_mean_of_a_fold_does_not_know_its_recordings(context, trials):
    rows = read_rows(context)
    fold = trials.filter(model="mean", fold="0")
    held = rows.join(fold, on=["catalog", "degraded_id"], how="semi")["split_group"]
    others = rows.filter(
        (pl.col("part") != "test") & ~pl.col("split_group").is_in(held.implode()), "uniform_draw"
    )
    np.testing.assert_allclose(100 * fold["predicted"].unique(), [others["label"].mean()])


def test_a_second_run_makes_nothing_and_one_more_repetition_that_alone(context):
    assert run_stage(get_stage("trials"), context, log=print).made == 0
    more = dataclasses.replace(PROTOCOLS, repetitions={"upper_edge": 3})
    preset = dataclasses.replace(context.preset, protocols=more)
    report = run_stage(get_stage("trials"), dataclasses.replace(context, preset=preset), log=print)
    assert (report.units, report.made) == (12, 1)


def test_trials_become_predictions_in_the_presets_order_and_evaluations(context):
    predictions = read_trials(context, read_rows(context))
    seen = predictions.select("protocol", "model").unique(maintain_order=True).rows()
    assert seen == [("repetitions", "upper_edge"), ("folds", "mean"), ("folds", "brightness")]
    table = pl.DataFrame(evaluate(predictions, context.preset.evaluation))
    whole = table.filter(
        protocol="folds", model="brightness", slice="all", metric="rmse", draw="uniform_draw"
    ).row(0, named=True)
    assert whole["n_repetitions"] == 2
    assert whole["sd"] >= 0
    by_seed = [
        float(np.sqrt(np.mean((part["predicted"] - part["label"]).to_numpy() ** 2)))
        for _, part in predictions.filter("uniform_draw", model="brightness").group_by("repetition")
    ]
    assert whole["estimate"] == pytest.approx(np.mean(by_seed))


def test_the_weights_of_a_trial_stay_and_say_again_what_its_rows_say(context, trials):
    """So that stimuli which come later can be predicted by every repetition."""
    partition = context.joint_partition("trials")
    unit = next(u for u in list_units(context) if u.plan["model"] == "brightness")
    network = load_model(context.lake.local_folder(partition, unit.unit_id))
    rows = trials.filter(**{k: unit.plan[k] for k in ("model", "fold", "repetition")}).join(
        read_rows(context), on=["catalog", "degraded_id"]
    )
    # An image of this lake is as bright as its quality.
    expected = rows["label"].to_numpy() / 100 + network.bias.item()
    np.testing.assert_allclose(rows["predicted"], expected, atol=1e-3)


def test_a_repetition_that_is_not_whole_is_no_result(context, tmp_path):
    unit = next(u for u in list_units(context) if u.plan["model"] == "brightness")
    path = context.lake.path(context.joint_partition("trials"), unit.unit_id)
    path.rename(tmp_path / "aside")
    try:
        left = read_trials(context, read_rows(context)).filter(model="brightness")
        assert left["repetition"].unique().to_list() == [1 - unit.plan["repetition"]]
    finally:
        (tmp_path / "aside").rename(path)


def test_an_unknown_model_is_named_with_the_known_ones(context):
    preset = dataclasses.replace(context.preset, protocols=ProtocolsSettings(folds={"vgg": 1}))
    with pytest.raises(SettingsError, match="unknown model 'vgg'; known are mean, upper_edge"):
        wanted_models(dataclasses.replace(context, preset=preset))


def test_an_imported_network_is_under_no_protocol(context):
    models = dataclasses.replace(
        context.preset.models, recipes={"brightness": {"imported_run": "somewhere"}}
    )
    preset = dataclasses.replace(context.preset, models=models)
    with pytest.raises(SettingsError, match="brightness is imported and cannot be trained again"):
        wanted_models(dataclasses.replace(context, preset=preset))
    protocols = ProtocolsSettings(folds={"vgg19_keras": 1})
    preset = dataclasses.replace(context.preset, protocols=protocols)
    with pytest.raises(SettingsError, match="vgg19_keras is imported and cannot be trained again"):
        wanted_models(dataclasses.replace(context, preset=preset))


def test_numbers_of_repetitions_are_checked():
    with pytest.raises(SettingsError, match=r"\[protocols.folds\] mean=0: expected 1-100"):
        ProtocolsSettings(folds={"mean": 0})


def test_a_trial_keeps_its_checkpoint_until_its_row_is_stored(context):
    """A kill between training and storing must not cost the training."""
    more = dataclasses.replace(PROTOCOLS, folds={"mean": 1, "brightness": 3})
    preset = dataclasses.replace(context.preset, protocols=more)
    further = dataclasses.replace(context, preset=preset)
    partition = context.joint_partition("trials")
    (unit, *_) = [
        u for u in list_units(further)
        if u.plan["model"] == "brightness" and u.unit_id not in context.lake.done(partition)
    ]  # fmt: skip
    checkpoint = context.lake.folder(partition) / unit.unit_id / "checkpoint.ckpt"
    first = get_stage("trials").make(further, unit)
    assert checkpoint.exists()
    before = checkpoint.stat().st_mtime_ns
    assert get_stage("trials").make(further, unit).drop(["minutes"]).equals(first.drop(["minutes"]))
    assert checkpoint.stat().st_mtime_ns == before, "it was trained again"
    run_stage(get_stage("trials"), further, log=print)
    assert unit.unit_id in context.lake.done(partition)
    assert list(context.lake.folder(partition).glob("*/checkpoint.ckpt")) == []


def test_what_max_minutes_ends_is_no_trial_and_keeps_its_checkpoint(context):
    preset = dataclasses.replace(
        context.preset,
        protocols=dataclasses.replace(PROTOCOLS, folds={"brightness": 4}),
        models=dataclasses.replace(context.preset.models, max_minutes=1e-9),
    )
    hasty = dataclasses.replace(context, preset=preset)
    partition = context.joint_partition("trials")
    (unit, *_) = [u for u in list_units(hasty) if u.unit_id not in context.lake.done(partition)]
    with pytest.raises(StageError, match=r"training of brightness was ended by max_minutes=1e-09"):
        make_unit(hasty, unit)
    assert (context.lake.folder(partition) / unit.unit_id / "checkpoint.ckpt").exists()


def test_labels_of_chance_train_a_network_and_a_baseline_and_true_ones_judge(context, monkeypatch):
    protocols = ProtocolsSettings(
        random_labels={"mean": 2, "brightness": 2}, n_label_folds=2, n_label_classes=1
    )
    preset = dataclasses.replace(context.preset, protocols=protocols)
    chance, targets = dataclasses.replace(context, preset=preset), []

    def noted(model, images, looked_at, *others, **named):
        targets.append((images, looked_at))
        return train_on_images(model, images, looked_at, *others, **named)

    monkeypatch.setattr(networks, "train_on_images", noted)
    monkeypatch.setenv("MUSQA_WORKERS", "1")
    partition, rows = chance.joint_partition("trials"), read_rows(chance)
    units = list_units(chance)
    assert len(units) == 4
    for unit in units:
        chance.lake.write(partition, unit.unit_id, make_unit(chance, unit))
        trial = Trial(**unit.plan)
        division = divide(trial, rows, protocols)
        drawn = pl.col("uniform_draw")
        made = with_labels_of_chance(rows, division, trial.repetition, drawn)
        seen = made.filter(division.train | division.validation, drawn)
        true = rows.filter(division.train | division.validation, drawn)
        assert not np.allclose(seen["label"], true["label"], atol=1)
        if trial.model == "mean":
            found = chance.lake.read(partition, unit.unit_id, ["predicted"])
            predicted = pl.DataFrame(found)["predicted"].unique()
            np.testing.assert_allclose(100 * predicted, [seen["label"].mean()])
        else:
            used = [label for shards in targets.pop() for label in 100 * shards.targets]
            np.testing.assert_allclose(sorted(used), sorted(seen["label"]), rtol=1e-5)
    found = read_trials(chance, rows)
    assert set(found["protocol"]) == {"random_labels"}
    true = found.join(rows, on=["catalog", "degraded_id"], suffix="_true")
    assert (true["label"] == true["label_true"]).all()
