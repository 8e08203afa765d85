"""Accuracy and sense, on rows made up by hand."""

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.release.model.accuracy import accuracy_rows, voted_share
from musqa_pipeline.release.model.consistency import (
    above_original,
    codec_curves,
    excess_steps,
    largest_excess,
    shortened,
    steepest,
)
from musqa_pipeline.release.model.singles import TRANSITION_HZ, curve, largest_fall, lowpassed


def said_rows(n_groups=6, n_rows=20):
    rng = np.random.default_rng(1)
    label = rng.uniform(10, 90, n_groups * n_rows)
    return pl.DataFrame(
        {
            "asked": "test",
            "split_group": np.repeat([f"g{i}" for i in range(n_groups)], n_rows),
            "label": label,
            "predicted": label + 8 * rng.standard_normal(len(label)),
            "uniform_draw": np.arange(len(label)) % 2 == 0,
            "natural_mix": True,
            "trusted": True,
            "tier": np.repeat(["lossless", "lossy_190k_up"], n_groups * n_rows // 2),
        }
    )


def test_errors_are_in_mos_and_within_their_intervals():
    said = said_rows()
    rows = {row["subset"]: row for row in accuracy_rows(said)}
    mix = rows["natural mix"]
    error = 4 * (said["predicted"] - said["label"]).to_numpy() / 100
    assert mix["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert mix["mae"] == pytest.approx(np.abs(error).mean())
    assert mix["pearson"] == pytest.approx(np.corrcoef(said["label"], said["predicted"])[0, 1])
    for name in ("pearson", "rmse", "mae"):
        assert mix[f"{name}_low"] < mix[name] < mix[f"{name}_high"]
    assert (mix["n_recordings"], mix["n_rows"]) == (6, 120)
    assert rows["uniform draw"]["n_rows"] == 60
    assert rows["full-band references, natural mix"]["n_recordings"] == 3


def test_two_recordings_have_no_interval():
    row = accuracy_rows(said_rows(n_groups=2))[0]
    assert row["rmse"] is not None
    assert row["rmse_low"] is None


def test_each_recording_has_one_vote_in_a_share():
    true = np.array([True] * 98 + [False, False])
    group = np.array(["a"] * 98 + ["b", "c"])
    found = voted_share(true, group, "test")
    assert found["share"] == pytest.approx(1 / 3)
    assert found["low"] <= 1 / 3 <= found["high"]


SINGLES = pl.DataFrame(
    {
        "catalog": "a",
        "excerpt_id": ["x"] * 4 + ["y"] * 4,
        "split_group": ["g"] * 4 + ["h"] * 4,
        "is_reference": [True, False, False, False] * 2,
        "codec": ["reference", "mp3", "mp3", "lowpass"] * 2,
        "bitrate_kbps": [None, 32.0, 128.0, None] * 2,
        "label_mos": [4.7, 2.0, 4.0, 3.0, 4.7, 3.0, 4.2, 3.0],
        "predicted_mos": [4.2, 2.5, 4.25, 4.35, 4.5, 2.0, 1.5, 3.0],
    }
)


def test_what_cutting_an_excerpt_short_moves_is_told_for_each_length():
    whole = SINGLES["predicted_mos"].to_numpy()
    signs = np.array([1, -1] * 4)
    short = np.stack([whole + 0.4 * signs, whole, whole + 0.04 * np.arange(8)], axis=1)
    columns = pl.Series("short_mos", short, dtype=pl.Array(pl.Float64, 3))
    at_5, at_6, at_8 = shortened(SINGLES.with_columns(columns))
    assert (at_5["length_s"], at_5["n_rows"]) == (5, 8)
    assert (at_5["mean_points"], at_5["most_points"]) == pytest.approx((10, 10))
    assert (at_6["mean_points"], at_6["most_points"]) == pytest.approx((0, 0))
    assert at_8["mean_points"] == pytest.approx(3.5)
    assert at_8["most_points"] == pytest.approx(6.65)


def test_copies_above_their_original_are_counted_by_recording():
    found = above_original(SINGLES)
    assert found["share"] == pytest.approx((1 / 3 + 0) / 2)  # 4.35 > 4.2 + 0.1, and not 4.25
    assert found["n_rows"] == 6


def test_without_originals_nothing_is_counted():
    assert above_original(SINGLES.filter(~pl.col("is_reference")))["share"] is None


def test_curves_rise_with_the_bitrate_or_say_by_how_much_they_fall():
    [(codec, points)] = codec_curves(SINGLES).items()
    assert codec == "MP3"
    assert [point["bitrate_kbps"] for point in points] == [32, 128]
    assert [point["label_mos"] for point in points] == pytest.approx([2.5, 4.1])
    assert largest_fall(points, "label_mos") == 0
    assert [point["predicted_mos"] for point in points] == pytest.approx([2.25, 2.875])
    backwards = points[::-1]
    assert largest_fall(backwards, "predicted_mos") == pytest.approx(0.625)


def test_a_recording_with_many_excerpts_has_one_vote_in_a_curve():
    rows = pl.DataFrame(
        {
            "split_group": ["g"] * 9 + ["h"],
            "cutoff_hz": 3_500.0,
            "label_mos": [1.0] * 9 + [3.0],
            "predicted_mos": [2.0] * 9 + [4.0],
        }
    )
    [point] = curve(rows, "cutoff_hz")
    assert (point["label_mos"], point["predicted_mos"], point["n_recordings"]) == (2, 3, 2)


def test_the_steepest_step_is_found():
    points = [
        {"cutoff_hz": 1_000.0, "x": 1.0}, {"cutoff_hz": 3_000.0, "x": 3.0},
        {"cutoff_hz": 4_000.0, "x": 3.2},
    ]  # fmt: skip
    assert steepest(points, "x") == pytest.approx(1.0)
    assert steepest(points[:1], "x") == 0


def test_a_score_that_falls_faster_than_the_label_is_found():
    points = [
        {"predicted_mos": 1.0, "label_mos": 1.0}, {"predicted_mos": 2.0, "label_mos": 1.75},
        {"predicted_mos": 2.1, "label_mos": 3.0},
    ]  # fmt: skip
    assert largest_excess(points) == pytest.approx(0.25)
    assert largest_excess(points[1:]) == 0


def ladder(gaps):
    """Low-passed recordings, of which the scores lie so far from the labels."""
    return pl.DataFrame(
        [
            {"split_group": group, "cutoff_hz": hz, "label_mos": 3.0, "predicted_mos": 3.0 + gap}
            for group, of_group in gaps.items()
            for hz, gap in zip((20e3, 3_500.0, 9e3), of_group, strict=True)
        ]
    )


def test_each_step_has_its_excess_with_an_interval_over_recordings():
    # From 20 to 9 kHz scores fall by 0.1, 0.2 and 0.3 more than labels; from 9 to 3.5 by 0.1 less.
    rows = excess_steps(ladder({"g": (0.1, 0.1, 0.0), "h": (0.2, 0.1, 0.0), "i": (0.3, 0.1, 0.0)}))
    assert [(row["from_hz"], row["to_hz"]) for row in rows] == [(9e3, 3_500.0), (20e3, 9e3)]
    assert [row["excess_mos"] for row in rows] == pytest.approx([-0.1, 0.2])
    assert (rows[0]["low"], rows[0]["high"]) == pytest.approx((-0.1, -0.1))
    assert 0.1 <= rows[1]["low"] < 0.2 < rows[1]["high"] <= 0.3


def test_two_recordings_have_an_excess_without_an_interval():
    [_, row] = excess_steps(ladder({"g": (0.1, 0.0, 0.0), "h": (0.3, 0.0, 0.0)}))
    assert row["excess_mos"] == pytest.approx(0.2)
    assert (row["low"], row["high"]) == (None, None)


def test_a_low_pass_leaves_what_is_below_and_nothing_far_above():
    time_s = np.arange(48_000) / 48_000
    tones = {f: np.sin(2 * np.pi * f * time_s).astype(np.float32) for f in (1_000, 5_200, 6_000)}
    passed, half, gone = (lowpassed(tone, 5_000.0) for tone in tones.values())
    np.testing.assert_allclose(passed, tones[1_000], atol=1e-5)
    assert half.std() == pytest.approx(0.5 * tones[5_200].std(), rel=1e-3)
    assert np.abs(gone).max() < 1e-5
    assert TRANSITION_HZ == 400
