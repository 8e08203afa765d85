"""Parts as given, and folds by recording; a genre with too few recordings is named."""

from __future__ import annotations

import numpy as np
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.classification.rounds import folds, one_round

PART = ["train", "train", "validation", "validation", "test", "test"]


def test_parts_are_taken_as_they_are():
    (each,) = one_round(PART, [0] * 6, list("abcdef"), ["rock"])
    assert [part.tolist() for part in (each.train, each.validation, each.test)] == [
        [0, 1], [2, 3], [4, 5],
    ]  # fmt: skip


def test_a_genre_with_one_recording_in_a_part_is_named():
    with pytest.raises(StageError, match="'rock' has 1 recordings in the part validation: expec"):
        one_round(PART, [0] * 6, list("abccef"), ["rock"])
    with pytest.raises(StageError, match="'jazz' has 0 recordings in the part train"):
        one_round(PART, [0] * 6, list("abcdef"), ["rock", "jazz"])


def test_folds_test_each_recording_once_and_whole():
    recording = [f"r{i // 2}" for i in range(48)]
    label = np.array([i // 2 % 4 for i in range(48)])
    rounds = folds(label, recording, list("abcd"), "seed")
    tested = np.concatenate([each.test for each in rounds])
    assert sorted(tested.tolist()) == list(range(48))
    assert sorted(np.concatenate([r.validation for r in rounds]).tolist()) == list(range(48))
    for each in rounds:
        parts = (each.train, each.validation, each.test)
        names = [{recording[row] for row in rows} for rows in parts]
        assert names[0].isdisjoint(names[1] | names[2])
        assert names[1].isdisjoint(names[2])
        assert set(label[each.test].tolist()) == {0, 1, 2, 3}
        assert 4 <= len(names[2]) <= 5
    assert folds(label, recording, list("abcd"), "seed")[1].test.tolist() == rounds[1].test.tolist()


def test_a_genre_that_is_too_small_for_folds_is_named():
    with pytest.raises(StageError, match=r"'b' has \d recordings in the part train"):
        folds([0, 0, 0, 0, 0, 0, 1, 1], list("abcdefgh"), ["a", "b"])
