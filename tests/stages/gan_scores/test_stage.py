"""What GANs say of a small catalog's segments: one score a version and training, made once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.gan.critic import critic_of_run
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.gan_scores.checks import check_gan_scores, judge_scores
from musqa_pipeline.stages.gan_scores.stage import finished_runs, list_units
from musqa_pipeline.stages.gan_scores.table import GAN_SCORES
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.segments.tracks import original_tracks
from musqa_pipeline.stages.segments.versions import rebuild
from tests.stages.gan_scores.small_scores import trained
from tests.stages.gans.small_gans import TINY, with_gans
from tests.stages.segments.small_catalog import stored

N_SEGMENTS, N_VERSIONS = 5, 25


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("scores"))


def scores_of(context):
    return pl.DataFrame(context.lake.scan(context.joint_partition("gan_scores"), GAN_SCORES.schema))


def test_each_version_is_scored_as_the_critic_scores_its_sound(filled):
    assert run_stage(get_stage("gan_scores"), filled).made == N_SEGMENTS
    scores, versions = scores_of(filled), stored(filled)
    assert scores.height == len(versions) == N_SEGMENTS * N_VERSIONS
    assert set(scores["network"]) == {"tiny"}
    (run,) = finished_runs(filled)
    assert set(scores["training"]) == {run["training"]}
    critic = critic_of_run(
        filled.lake.local_folder(filled.joint_partition("gans"), run["training"]), "last"
    )
    paths = {track["track_id"]: track["path"] for track in original_tracks(filled)}
    for row in versions[:: N_VERSIONS + 7]:
        samples = rebuild(Path(paths[row["track_id"]]), row)
        (expected,) = critic.score(pcm_at_rate(samples, 16_000)[None])
        (found,) = scores.filter(version_id=row["version_id"])["score"]
        assert found == pytest.approx(expected, abs=1e-5)
    assert scores["score"].to_list() == scores["mean_genre_score"].to_list()  # one class
    check = check_gan_scores(filled)
    assert check.passed, check.numbers
    assert check.numbers["n_scores"] == N_SEGMENTS * N_VERSIONS
    assert run_stage(get_stage("gan_scores"), filled).made == 0


def test_another_training_scores_all_segments_anew(filled):
    two = with_gans(filled, n_seeds=2)
    units = {unit.unit_id for unit in list_units(filled)}
    assert {unit.unit_id for unit in list_units(two)} == units  # not trained yet
    run_stage(get_stage("gans"), two)
    assert not units & {unit.unit_id for unit in list_units(two)}
    assert run_stage(get_stage("gan_scores"), two).made == N_SEGMENTS
    assert set(scores_of(two)["seed"]) == {0, 1}
    assert check_gan_scores(two).passed
    assert not check_gan_scores(filled).passed  # the lake has those of two by now
    assert run_stage(get_stage("gan_scores"), filled).made == N_SEGMENTS
    assert check_gan_scores(filled).passed


def test_without_a_finished_training_nothing_is_scored(filled):
    wider = with_gans(filled, recipes={"tiny": TINY | {"d_width": 3}})
    assert list_units(wider) == []
    check = check_gan_scores(wider)
    assert not check.passed
    assert check.numbers["n_trainings"] == 0


def test_off_there_is_nothing(filled):
    off = with_gans(filled, networks=())
    assert list_units(off) == []
    assert check_gan_scores(off).passed


def test_a_track_that_is_gone_is_named(filled, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.stages.gan_scores.stage.paths_of", lambda context: {})
    unit = list_units(filled)[0]
    with pytest.raises(StageError, match=r"the track of c.* is gone; put it back"):
        get_stage("gan_scores").make(filled, unit)


VERSIONS = pl.DataFrame({"catalog": ["c", "c"], "version_id": ["a", "b"]})
SCORES = VERSIONS.with_columns(training=pl.lit("r"), score=1.0, mean_genre_score=2.0)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda rows: rows.head(1), "n_missing"),
        (lambda rows: pl.concat([rows, rows.head(1)]), "n_doubled"),
        (lambda rows: rows.with_columns(score=pl.lit(float("nan"))), "n_wrong"),
        (
            lambda rows: pl.concat([rows, rows.head(1).with_columns(training=pl.lit("old"))]),
            "n_surplus",
        ),
    ],
)
def test_the_check_fails_on_what_is_wrong(change, number):
    assert judge_scores(SCORES, VERSIONS, ["r"]).passed
    failed = judge_scores(change(SCORES), VERSIONS, ["r"])
    assert not failed.passed
    assert failed.numbers[number] > 0
