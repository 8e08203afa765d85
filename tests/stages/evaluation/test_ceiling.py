import numpy as np
import polars as pl
import pytest

from musqa_pipeline.stages.evaluation.ceiling import (
    component_scores,
    estimate_ceilings,
    foreign_neighbours,
    unavoidable_error,
)

N_SONGS, N_EACH = 60, 40


def made_up(noise, *, offset=0.0, seed=2):
    """Rows whose label is a smooth function of three features, with noise of a known deviation."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (N_SONGS * N_EACH, 3))
    song = np.repeat(np.arange(N_SONGS), N_EACH)
    label = 40 * np.sin(3 * points[:, 0]) + 30 * points[:, 1] ** 2 + 10 * points[:, 2]
    label += noise * rng.standard_normal(len(label)) + offset * rng.standard_normal(N_SONGS)[song]
    return points, label, song.astype(str)


def test_the_deviation_of_the_noise_is_found_and_mostly_lies_in_its_interval():
    n_covered = 0
    for seed in range(6):
        noise = 4.0 + 2 * seed
        found = unavoidable_error(*made_up(noise, seed=seed), rows="all")
        assert found.rmse == pytest.approx(noise, rel=0.1)
        assert found.high - found.low < 0.3 * noise
        n_covered += found.low < noise < found.high
        assert (found.n_rows, found.n_recordings) == (2_400, 60)
    assert n_covered >= 4


def test_without_noise_nothing_is_unavoidable():
    assert unavoidable_error(*made_up(0.0), rows="all").rmse < 2.0


def test_what_a_recording_has_for_itself_counts_as_unknown():
    found = unavoidable_error(*made_up(3.0, offset=8.0), rows="all")
    assert found.rmse == pytest.approx(np.hypot(3.0, 8.0), rel=0.25)


def test_neighbours_are_the_nearest_rows_of_other_recordings():
    rng = np.random.default_rng(4)
    points, song = rng.normal(size=(300, 2)), np.repeat(np.arange(30), 10).astype(str)
    nearest, squared = foreign_neighbours(points, song, 5)
    for row in (0, 57, 299):
        others = np.flatnonzero(song != song[row])
        distance = ((points[others] - points[row]) ** 2).sum(axis=1)
        order = np.argsort(distance)[:5]
        assert nearest[row].tolist() == others[order].tolist()
        np.testing.assert_allclose(squared[row], distance[order])


def test_too_few_rows_of_other_recordings_are_said_or_give_nothing():
    points, song = np.zeros((20, 2)), np.repeat(["a", "b"], [15, 5])
    with pytest.raises(ValueError, match="20 rows of 2 recordings: expected 6 or more of other"):
        foreign_neighbours(points, song, 6)
    assert unavoidable_error(points, np.zeros(20), song, rows="all", n_neighbours=6) is None


def test_scores_keep_distances_and_drop_what_does_not_vary():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(200, 4)) * [1.0, 100.0, 0.01, 0.0]
    scores = component_scores(features, 10)
    assert scores.shape == (200, 3)
    standard = (features[:, :3] - features[:, :3].mean(0)) / features[:, :3].std(0)
    np.testing.assert_allclose(
        ((scores[0] - scores[1:]) ** 2).sum(1), ((standard[0] - standard[1:]) ** 2).sum(1)
    )
    assert (np.diff(scores.var(axis=0)) <= 1e-12).all()
    assert component_scores(features, 2).shape == (200, 2)


def test_one_sound_with_two_labels_is_unavoidable_until_one_is_told_the_kind():
    points, label, song = made_up(2.0)
    dark = (song.astype(int) % 4) == 0
    rows = pl.DataFrame(
        {
            "f0": points[:, 0], "f1": points[:, 1], "f2": points[:, 2],
            "label": label + 30.0 * dark, "recording": song,
            "reference": np.where(dark, "dark", "full band"),
            "trusted": np.full(len(label), True),
        }
    )  # fmt: skip
    whole, full, alone = estimate_ceilings(rows, ["f0", "f1", "f2"])
    # A quarter of the rows lies 30 points higher: that has a deviation of 30 x sqrt(1/4 x 3/4).
    assert whole.rmse == pytest.approx(np.hypot(2.0, 30 * np.sqrt(3 / 16)), rel=0.1)
    assert full.rmse == pytest.approx(2.0, abs=1.0)
    assert alone.rmse == pytest.approx(2.0, abs=1.5)
    assert (full.n_recordings, alone.n_recordings) == (45, 15)
    assert alone.rows == "dark references among themselves"
    assert 0 < alone.nearest_share < 0.05
    some = rows.with_columns(trusted=pl.col("reference") == "full band")
    names = [each.rows for each in estimate_ceilings(some, ["f0", "f1", "f2"])]
    assert names[1] == "trusted labels among themselves"
    assert len(names) == 4


def test_the_same_rows_give_the_same_numbers():
    first, second = (unavoidable_error(*made_up(5.0), rows="all") for _ in range(2))
    assert (first.rmse, first.low, first.high) == (second.rmse, second.low, second.high)
