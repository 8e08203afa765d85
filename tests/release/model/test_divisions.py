"""Who trains a release, on made-up rows."""

import polars as pl
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.release.model.divisions import FINAL, divide

N_FOLDS = 4
TIERS = ("lossless", "lossy_190k_up", "synthesised", "equalised")


def make_rows(n_groups=40):
    """Groups of three rows: each fifth is test, each third has terms that are not allowed."""
    return pl.DataFrame(
        [
            {
                "catalog": "a",
                "degraded_id": f"{group}-{row}",
                "split_group": f"g{group}",
                "part": "test" if real and group % 5 == 0 else "train",
                "tier": tier,
                "allowed": group % 3 != 0,
                "uniform_draw": row < 2,
                "natural_mix": False,
            }
            for group in range(n_groups)
            for tier in [TIERS[group % 3 if group % 3 < 2 else 2 + group % 2]]
            for real in [tier.startswith("loss")]
            for row in range(3)
        ]
    )


ROWS = make_rows()


@pytest.fixture(scope="module")
def parts():
    return {fold: divide(ROWS, fold, N_FOLDS) for fold in (*map(str, range(N_FOLDS)), FINAL)}


def test_neither_test_recordings_nor_other_terms_train(parts):
    for part in parts.values():
        assert (part.train["part"] != "test").all()
        assert part.train["allowed"].all()


def test_nothing_is_predicted_by_a_network_that_met_its_group(parts):
    for part in parts.values():
        met = set(part.train["split_group"])
        assert part.predicted.height
        assert not met & set(part.predicted["split_group"])


def test_folds_predict_each_allowed_recording_once_and_nothing_synthesised(parts):
    asked = pl.concat([parts[str(fold)].predicted for fold in range(N_FOLDS)])
    assert "synthesised" not in asked["tier"]
    asked = asked.filter(pl.col("tier") != "equalised")
    expected = ROWS.filter(
        (pl.col("part") != "test") & pl.col("allowed") & pl.col("tier").str.starts_with("loss")
        & pl.col("uniform_draw")
    )  # fmt: skip
    assert sorted(asked["degraded_id"]) == sorted(expected["degraded_id"])
    assert set(asked["asked"]) == {"out_of_fold"}


def test_the_final_training_has_all_that_may_train_and_predicts_the_rest(parts):
    final = parts[FINAL]
    may = ROWS.filter(
        (pl.col("part") != "test") & pl.col("allowed") & (pl.col("tier") != "equalised")
    )
    assert sorted(final.train["degraded_id"]) == sorted(may["degraded_id"])
    said = dict(final.predicted.group_by("asked").agg(pl.col("allowed").all()).iter_rows())
    assert said.keys() == {"test", "left_out"}
    assert not final.predicted.filter(asked="left_out")["allowed"].any()
    assert (final.predicted.filter(asked="test")["part"] == "test").all()


def test_synthesised_music_trains_in_every_fold(parts):
    made = ROWS.filter(pl.col("allowed"), tier="synthesised")
    for part in parts.values():
        assert set(made["degraded_id"]) <= set(part.train["degraded_id"])


def test_darker_copies_train_nowhere_and_are_asked_where_their_recording_is():
    place = {"a": "0", "b": "1", "c": "2", "d": "3"}
    real = [(name, "lossless") for name in place]
    rows = pl.DataFrame(
        [
            {"catalog": "a", "degraded_id": f"{group}-{tier}", "split_group": group, "tier": tier,
             "part": "train", "allowed": True, "uniform_draw": True, "natural_mix": False}
            for group, tier in [*real, ("a", "equalised"), ("c", "equalised")]
        ]
    )  # fmt: skip
    asked = []
    for fold in (*map(str, range(N_FOLDS)), FINAL):
        parts = divide(rows, fold, N_FOLDS)
        assert "equalised" not in parts.train["tier"]
        asked += parts.predicted.select("asked", "degraded_id", "split_group").rows()
        held = parts.predicted["split_group"].unique()
        assert held.len() == (fold != FINAL)
    assert {row[1:] for row in asked if row[0] == "copies"} == {
        ("a-equalised", "a"),
        ("c-equalised", "c"),
    }
    assert {row[2] for row in asked if row[0] == "out_of_fold"} == set(place)


def test_what_is_watched_trains_too(parts):
    for part in parts.values():
        assert 0 < part.watched["split_group"].n_unique() < part.train["split_group"].n_unique()
        assert set(part.watched["degraded_id"]) <= set(part.train["degraded_id"])


def test_a_fold_without_a_recording_is_named():
    few = ROWS.filter(pl.col("split_group").is_in(["g1", "g2", "g5"]))
    with pytest.raises(
        StageError, match=r"fold 3 of 4 has no recording to predict; .*, or make none: "
    ):
        divide(few, "3", 4)


def test_no_row_that_may_train_is_named():
    with pytest.raises(StageError, match=r"no row may train; add .*, or make none: "):
        divide(ROWS.with_columns(allowed=pl.lit(False)), FINAL, N_FOLDS)
