import numpy as np
import polars as pl
import pytest

from musqa_pipeline.core.settings.per_catalog import AdaptiveSettings, DegradationsSettings
from musqa_pipeline.stages.dataset.adaptive.plan_round import plan_from_labels
from musqa_pipeline.stages.degradations.round_table import ROUNDS
from tests.stages.dataset.adaptive.world import cascades_of, labelled, quality_of

WANTED = AdaptiveSettings(rounds=3, cascades_per_round=8, rows_wanted=300, n_bins=8)
IDS = [f"{i:04x}-0" for i in range(6)]
ROWS = labelled(IDS)
PLAN = plan_from_labels(ROWS, cascades_of(ROWS), WANTED, 1)


def test_a_plan_names_cascades_by_reference_with_what_is_expected_of_them():
    rows = PLAN.to_pylist()
    assert PLAN.schema == ROUNDS.schema
    assert [r["excerpt_id"] for r in rows] == sorted(r["excerpt_id"] for r in rows)
    assert {r["excerpt_id"] for r in rows} == set(IDS)
    for row in rows:
        assert row["round"] == 1
        assert row["process"] == f"{row['first_id']}_{row['last_id']}"
        assert 0 <= row["bin_low"] <= row["predicted_quality"] <= row["bin_high"] <= 1
        assert row["bin_high"] - row["bin_low"] == pytest.approx((0.93 - 0.1) / 8, abs=0.02)


def test_predictions_come_true():
    errors = [
        row["predicted_quality"] - quality_of(row["excerpt_id"], row["first_id"], row["last_id"])
        for row in PLAN.to_pylist()
    ]
    assert np.abs(errors).mean() < 0.01


def test_the_order_of_rows_changes_no_byte_and_a_label_does():
    shuffled = plan_from_labels(
        ROWS.sample(fraction=1.0, shuffle=True, seed=4), cascades_of(ROWS).reverse(), WANTED, 1
    )
    assert shuffled == PLAN
    lower = pl.when(pl.col("process_is") == "4").then(0.4).otherwise("quality")
    moved = ROWS.with_columns(process_is=pl.col("degraded_id").str.split("-").list.last())
    moved = moved.with_columns(quality=lower).drop("process_is")
    assert plan_from_labels(moved, cascades_of(ROWS), WANTED, 1) != PLAN


def test_what_was_tried_is_not_planned_again():
    tried = cascades_of(ROWS)
    planned = pl.DataFrame(PLAN).select(tried.columns).cast(dict(tried.schema))
    tried = pl.concat([tried, planned])
    second = plan_from_labels(ROWS, tried, WANTED, 2)
    pairs = {(r["excerpt_id"], r["first_id"], r["last_id"]) for r in second.to_pylist()}
    assert pairs
    assert not pairs & set(tried.iter_rows())


def test_of_processes_that_are_one_only_the_first_is_planned():
    twin = pl.col("first_id").is_in([26, 27]) & (pl.col("depth") == 1)
    rows = ROWS.with_columns(
        identical_to=pl.when(twin).then(pl.col("excerpt_id") + "-25").otherwise("identical_to")
    )
    tried = pl.DataFrame(
        [(e, a, b) for e in IDS for a in range(1, 46) for b in (*range(1, 24), 26)],
        schema=cascades_of(ROWS).schema,
        orient="row",
    )
    planned = plan_from_labels(rows, tried, WANTED, 1).to_pylist()
    assert planned
    halves = {h for r in planned for h in (r["first_id"], r["last_id"])}
    assert not halves & {26, 27}
    assert not {r["last_id"] for r in planned} & {25}  # it was tried under the name of 26


def test_a_reference_without_labels_of_its_halves_is_left_out():
    rows = ROWS.filter((pl.col("excerpt_id") != IDS[2]) | (pl.col("depth") == 2))
    planned = plan_from_labels(rows, cascades_of(ROWS), WANTED, 1)
    assert set(planned["excerpt_id"].to_pylist()) == set(IDS) - {IDS[2]}


def test_cascades_of_processes_that_are_no_singles_are_left_alone():
    few = labelled(IDS, settings=DegradationsSettings(singles=(1, 4, 9, 30, 45)))
    planned = plan_from_labels(few, cascades_of(few), WANTED, 1).to_pylist()
    assert planned
    assert {h for r in planned for h in (r["first_id"], r["last_id"])} <= {1, 4, 9, 30, 45}


def test_nothing_is_planned_when_nothing_may_be_drawn():
    rows = ROWS.with_columns(in_pool=False)
    assert plan_from_labels(rows, cascades_of(ROWS), WANTED, 1).num_rows == 0
    assert plan_from_labels(ROWS.clear(), cascades_of(ROWS).clear(), WANTED, 1).num_rows == 0


def test_a_replay_keeps_to_the_cascades_that_there_are():
    only = cascades_of(labelled(IDS, n_cascades=40))
    planned = plan_from_labels(ROWS, cascades_of(ROWS), WANTED, 1, only=only).to_pylist()
    assert planned
    pairs = {(r["excerpt_id"], r["first_id"], r["last_id"]) for r in planned}
    assert pairs <= set(only.iter_rows()) - set(cascades_of(ROWS).iter_rows())


def test_random_rows_of_round_0_change_no_plan():
    single, cascade = ROWS.filter(pl.col("depth") == 1), ROWS.filter(pl.col("depth") == 2)
    random = [
        rows.head(3).with_columns(
            first_id=pl.lit(101, ROWS.schema["first_id"]),
            last_id=pl.lit(262, ROWS.schema["last_id"]),
            quality=pl.lit(0.2),
            degraded_id=pl.col("degraded_id") + "r",
        )
        for rows in (single, cascade)
    ]
    rows = pl.concat([ROWS, *random])
    assert plan_from_labels(rows, cascades_of(rows), WANTED, 1) == PLAN
