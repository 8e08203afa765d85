import polars as pl
import pytest

from musqa_pipeline.stages.evaluation.lowpass_steps import count_steps, list_steps

STEEP = '{"cutoff_hz": 3400.0, "family": "chebyshev1", "order": 8}'
FIR = '{"cutoff_hz": 7100.0, "family": "fir", "transition_hz": 300.0}'


def reference(name, *, edge_hz=20_000.0, dark=False, labels=(20.0, 60.0, 90.0)):
    """An original, low-passes of table II and steep ones, and what counts for neither."""
    made = [
        (0, "reference", None, None, labels[2]),
        (1, "lowpass", 3_500.0, None, labels[0]),
        (1, "lowpass", 7_500.0, None, labels[1]),
        (1, "lowpass", 3_400.0, STEEP, labels[0]),
        (1, "lowpass", 7_100.0, FIR, labels[1]),
        (1, "lowpass", 5_000.0, None, 40.0),
        (2, "lowpass", 3_500.0, None, 5.0),
    ]
    return [
        {
            "catalog": "c", "excerpt_id": f"{name}-0", "degraded_id": f"{name}-0-{i}",
            "recording": name, "depth": depth, "codec": codec, "cutoff_hz": cutoff,
            "last_params": params, "upper_edge_hz": edge_hz if depth == 0 else cutoff,
            "label": label, "reference": "dark" if dark else "full band",
        }
        for i, (depth, codec, cutoff, params, label) in enumerate(made)
    ]  # fmt: skip


def frame(*references):
    rows = pl.DataFrame([row for r in references for row in r], infer_schema_length=None)
    return rows.with_columns(repetition=pl.lit(0), predicted=pl.col("label"))


def test_steps_are_low_passes_alone_near_the_anchors_and_their_slope_is_known():
    steps = list_steps(frame(reference("a")))
    assert steps.select("degraded_id", "slope", "level").rows() == [
        ("a-0-0", "original", 2), ("a-0-1", "gentle", 0), ("a-0-2", "gentle", 1),
        ("a-0-3", "steep", 0), ("a-0-4", "steep", 1),
    ]  # fmt: skip


def test_a_recording_that_ends_below_7_khz_is_not_asked():
    assert list_steps(frame(reference("a", edge_hz=6_500.0))).is_empty()


@pytest.mark.parametrize(
    ("wrong_row", "expected"), [(1, (0, 1)), (4, (1, 0)), (0, (0, 0)), (5, (1, 1))]
)
def test_one_step_that_runs_the_wrong_way_costs_the_recording_its_slope(wrong_row, expected):
    rows = frame(reference("a"), reference("b"))
    wrong = pl.col("degraded_id") == f"a-0-{wrong_row}"
    other_way = 70.0 if wrong_row == 1 else 10.0
    moved = rows.with_columns(
        predicted=pl.when(wrong).then(other_way).otherwise(pl.col("predicted"))
    )
    counted = count_steps(moved, list_steps(rows))
    assert [row["slope"] for row in counted] == ["gentle", "steep"]
    assert [row["n_recordings"] for row in counted] == [2, 2]
    assert tuple(row["n_right"] - 1 for row in counted) == expected


def test_dark_recordings_and_ties_of_the_labels_are_counted_apart():
    rows = frame(
        reference("a"), reference("b", dark=True), reference("c", labels=(20.0, 89.0, 90.0))
    )
    assert count_steps(rows, list_steps(rows))[0] == {
        "slope": "gentle", "n_recordings": 1, "n_right": 1, "n_ties": 2,
    }  # fmt: skip


def test_repetitions_are_averaged_and_a_row_that_is_predicted_twice_counts_once():
    rows = frame(reference("a"))
    steps = list_steps(rows)
    twice = pl.concat([rows, rows, rows.with_columns(repetition=pl.lit(1), predicted=pl.lit(1.0))])
    assert count_steps(twice, steps)[0]["n_recordings"] == 1
    assert count_steps(twice, steps)[0]["n_right"] == 0.5


def test_without_both_steps_there_is_nothing_to_count():
    rows = frame(reference("a"))
    assert count_steps(rows.filter(pl.col("cutoff_hz") != 7_500.0), list_steps(rows)) == []
    wide = rows.filter(pl.col("cutoff_hz").is_null() | (pl.col("cutoff_hz") > 4_000))
    assert count_steps(wide, list_steps(rows)) == []
