"""Versions and their scores, laid out for statistics: orders, ladders, cells, originals."""

import numpy as np
import pytest

from musqa_pipeline.stages.gan_scores.read import cells_of, ladders_of, original_of
from tests.stages.gan_scores.made_up import KINDS, made_up_versions

VERSIONS = made_up_versions(3)
STEP = VERSIONS["intensity"].fill_null(0).to_numpy()


def test_ladders_have_their_steps_in_order_whatever_the_order_of_rows():
    found = ladders_of(VERSIONS, 1000 - STEP)
    assert sorted(found) == sorted(KINDS)
    for of_kind in found.values():
        assert of_kind.intensity.tolist() == [10, 30, 50, 70, 90]
        assert of_kind.score.tolist() == [[990, 970, 950, 930, 910]] * 3
        assert of_kind.recording.tolist() == ["c/song 0", "c/song 1", "c/song 2"]


def test_scores_go_to_their_segment_and_kind():
    score = np.array([hash(v) % 1000 for v in VERSIONS["version_id"]], dtype=float)
    noise = ladders_of(VERSIONS, score)["noise"]
    for place, segment in enumerate(("s0", "s1", "s2")):
        ids = [f"{segment}-noise-{step}" for step in (10.0, 30.0, 50.0, 70.0, 90.0)]
        assert noise.score[place].tolist() == [float(hash(one) % 1000) for one in ids]


def test_cells_are_of_originals_and_ladders_a_step_in_each_fifth():
    chosen, cells = cells_of(VERSIONS)
    assert chosen.sum() == len(cells) == 3 * 21
    assert len(set(cells)) == 21
    assert cells.count(("original", 0)) == cells.count(("limiter", 4)) == 3
    assert not chosen[(VERSIONS["draw"] == "drawn").to_numpy()].any()


def test_each_version_finds_its_original():
    found = VERSIONS[original_of(VERSIONS)]
    assert found["kind"].unique().to_list() == ["original"]
    assert found["segment_id"].to_list() == VERSIONS["segment_id"].to_list()


@pytest.mark.parametrize("score", [STEP, -STEP])
def test_equal_numbers_of_all_kinds(score):
    assert {of.score.shape for of in ladders_of(VERSIONS, score).values()} == {(3, 5)}
