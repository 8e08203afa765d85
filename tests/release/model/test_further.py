"""A release that trains on rows of another preset too."""

import dataclasses
import json

import polars as pl
import pytest

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.release.model.card import Facts, _data
from musqa_pipeline.release.model.divisions import FINAL, divide
from musqa_pipeline.release.model.further import further_contexts
from musqa_pipeline.release.model.stage import (
    list_units,
    read_release_rows,
)
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.models.trials.networks import images_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS
from musqa_pipeline.stages.spectrograms.features.table import FEATURES
from tests.release.model.release_lake import RELEASE, release_lake
from tests.stages.evaluation.small_lake import ENTRY

MADE_AGAIN = {"degradations": "1", "labels": "2", "dataset": "3", "features": "4"}
"""Stages of the other preset, each with the digit that its fingerprint repeats."""
NOT_TRUSTED = 1


@pytest.fixture(scope="module", autouse=True)
def _networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "brightness", ENTRY)
        patch.setitem(MODELS, "late", ENTRY)
        yield


def renamed(table, process="r1001"):
    """The rows of the low-pass alone, called as random rows of another preset are."""
    rows = [row for row in table.to_pylist() if row["degraded_id"].endswith("-0-42")]
    for row in rows:
        row["degraded_id"] = f"{row['excerpt_id']}-{process}"
    return rows


def write_other(context, process="r1001", *, features=True):
    """Make and publish a preset called `more`: a low-pass of every track, the test ones too."""
    lake = context.lake
    stages = {**context.fingerprints}
    for stage, digit in MADE_AGAIN.items():
        stages[stage] = (digit + process[-1]) * 16
    other = dataclasses.replace(context, fingerprints=stages)
    for stage, table in (("degradations", DEGRADATIONS), ("labels", LABELS)):
        for unit in lake.done(context.partition(stage, "music")):
            rows = renamed(lake.read(context.partition(stage, "music"), unit), process)
            rows = [row | ({"process": process} if stage == "degradations" else {}) for row in rows]
            lake.write(other.partition(stage, "music"), unit, table.from_rows(rows))
    rows = renamed(lake.read(context.joint_partition("dataset"), "dataset"), process)
    for number, row in enumerate(rows):
        row["trusted"] = number != NOT_TRUSTED
        # As another draw might have it; the release goes by its own.
        row["part"], row["split_group"] = "train", "another"
    lake.write(other.joint_partition("dataset"), "dataset", DATASET.from_rows(rows))
    partition = context.joint_partition("features")
    images = [
        row for unit in lake.done(partition) for row in renamed(lake.read(partition, unit), process)
    ]
    if features:
        lake.write(other.joint_partition("features"), "train-00000", FEATURES.from_rows(images))
    path = context.home / "published.json"
    entry = {"catalogs": ["music"], "stages": stages}
    path.write_text(json.dumps({"last": "more", "presets": {"more": entry}}))


def with_further(context, *names):
    release = dataclasses.replace(RELEASE, further=names)
    return dataclasses.replace(context, preset=dataclasses.replace(context.preset, release=release))


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    context = release_lake(tmp_path_factory.mktemp("further") / "home")
    write_other(context)
    return with_further(context, "more")


@pytest.fixture(scope="module")
def rows(context):
    return read_release_rows(context)


def test_further_rows_are_of_recordings_that_may_train_and_keep_their_part(context, rows):
    own = read_release_rows(with_further(context))
    more = rows.filter(pl.col("degraded_id").str.ends_with("-r1001"))
    assert rows.height == own.height + more.height
    allowed = own.filter(pl.col("allowed"), pl.col("part") != "test")
    assert set(more["track_id"]) == set(allowed["track_id"])
    assert more.height == 5
    assert more.filter(~pl.col("trusted"))["track_id"].to_list() == [f"{NOT_TRUSTED:016x}"]
    home = dict(own.select("track_id", "split_group").unique().rows())
    assert all(home[track] == group for track, group in more["track_id", "split_group"].rows())
    assert not (more["uniform_draw"] | more["natural_mix"]).any()


def test_they_train_but_for_the_fold_of_their_recording_and_are_never_predicted(rows):
    for fold in (FINAL, "0", "1"):
        parts = divide(rows, fold, 2)
        asked = parts.predicted
        assert not asked["degraded_id"].str.ends_with("-r1001").any()
        trained = parts.train.filter(pl.col("degraded_id").str.ends_with("-r1001"))
        assert 0 < trained.height <= 5
        assert not set(trained["split_group"]) & set(asked["split_group"])
    assert divide(rows, "0", 2).train.height < divide(rows, FINAL, 2).train.height


def test_the_card_counts_them(context, rows):
    facts = Facts(context.preset.release, rows, [], {}, {}, {}, [], None, "", 0, 0)
    assert _data(facts).endswith("Further rows of the same recordings are among these: 5 of more.")
    own = dataclasses.replace(facts, rows=read_release_rows(with_further(context)))
    assert _data(own).endswith(".")
    assert "Further" not in _data(own)


def test_a_recipe_that_would_pass_them_over_is_refused(context):
    recipes = {"musqa_net": {"train_rows": "uniform_draw"}}
    models = dataclasses.replace(context.preset.models, recipes=recipes)
    preset = dataclasses.replace(context.preset, models=models)
    with pytest.raises(SettingsError, match="further rows are in no draw; set train_rows to"):
        list_units(dataclasses.replace(context, preset=preset))


def test_their_images_are_theirs(context, rows):
    more = rows.filter(pl.col("degraded_id").str.ends_with("-r1001"))
    images = images_of(context, "musqa_net", rows, further_contexts(context))
    assert images.n_rows == rows.height
    names = images.labels.select(["catalog", "degraded_id"]).to_pylist()
    assert {row["degraded_id"] for row in names} >= set(more["degraded_id"])
    with pytest.raises(StageError, match="no images of part"):
        images_of(context, "musqa_net", more)


def test_a_training_knows_on_which_further_rows_it_depends(context):
    plain, more = (
        [unit.unit_id for unit in list_units(with_further(context, *names))]
        for names in ((), ("more",))
    )
    assert len(plain) == len(more) == 3
    assert not set(plain) & set(more)


def test_a_release_trains_on_them(context, rows):
    report = run_stage(get_stage("release"), context, log=print)
    assert report.made == 3
    partition, unit = context.joint_partition("release"), list_units(context)[0]
    said = context.lake.read(partition, unit.unit_id)
    assert set(said["n_train"].to_pylist()) == {divide(rows, FINAL, 2).train.height}
    keys = pl.DataFrame(said.select(KEYS))
    assert keys.join(rows, on=KEYS, how="semi").height == keys.height


def test_a_preset_that_was_not_run_is_named(context):
    with pytest.raises(
        StageError,
        match=r"\[release\] further names 'none', which has published no tracks in .*; run "
        "`musqa run` with that preset first",
    ):
        list_units(with_further(context, "none"))


def test_rows_of_one_name_and_rows_without_an_image_are_refused(tmp_path):
    context = release_lake(tmp_path / "home")
    write_other(context, "12")
    with pytest.raises(
        StageError, match=r"5 rows of preset 'more' are called as others are, such as .*-0-12; give"
    ):
        read_release_rows(with_further(context, "more"))
    write_other(context, "r1002", features=False)
    with pytest.raises(StageError, match="5 of 5 rows of preset 'more' have no image; run `musqa"):
        read_release_rows(with_further(context, "more"))
