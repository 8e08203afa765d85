import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.core.settings.dataset import DatasetSettings
from musqa_pipeline.stages.dataset.balance import draw_dataset
from musqa_pipeline.stages.dataset.quotas import fill_evenly
from musqa_pipeline.stages.dataset.uniformity import (
    effective_count,
    evenness,
    largest_even_size,
    measure_uniformity,
)
from tests.stages.dataset.synthetic import make_candidates


@given(counts=st.lists(st.integers(0, 500), min_size=2, max_size=20), empty=st.integers(0, 3))
def test_evenness_of_many_rows_is_the_entropy_ratio_of_scipy(counts, empty):
    counts = 1_000 * np.array([*counts, *([0] * empty)])
    if (counts > 0).sum() < 2:
        assert evenness(counts) == 1.0
    else:
        expected = scipy.stats.entropy(counts) / np.log((counts > 0).sum())
        assert evenness(counts) == pytest.approx(expected, abs=1e-5)


@given(n_rows=st.integers(0, 200), n_bins=st.integers(1, 30))
def test_what_whole_rows_cannot_do_better_counts_as_even(n_rows, n_bins):
    assert evenness(fill_evenly(n_rows, [n_rows] * n_bins), [True] * n_bins) == 1.0


def test_a_bin_with_supply_that_gave_nothing_counts_against_evenness():
    two_of_three = np.log(2) / np.log(3)
    assert evenness([15, 15, 0], [True, True, True]) == pytest.approx(two_of_three)
    assert evenness([15, 15, 0], [True, True, False]) == 1.0


@pytest.mark.parametrize(
    ("shares", "expected"), [([5, 5, 5, 5], 4.0), ([7], 1.0), ([1, 99], 1.0576)]
)
def test_effective_counts(shares, expected):
    values = pl.Series(np.repeat([f"genre {i}" for i in range(len(shares))], shares))
    assert effective_count(values) == pytest.approx(expected, abs=1e-4)


def test_nothing_counts_nothing():
    assert effective_count(pl.Series([], dtype=pl.String)) == 0.0


@given(supply=st.lists(st.integers(0, 300), min_size=1, max_size=20))
def test_the_largest_even_size_is_even_and_clearly_more_is_not(supply):
    supply = np.array(supply)
    size = largest_even_size(supply)
    if supply.sum():
        assert size > 0
        assert evenness(fill_evenly(size, supply), supply > 0) >= 0.98
    if size < supply.sum():
        fuller = size + np.count_nonzero(supply)  # at least one whole level more
        assert evenness(fill_evenly(fuller, supply), supply > 0) < 0.98


def test_the_report_counts_what_was_there_and_what_was_drawn():
    pool = make_candidates(n_tracks=18, n_cascades=20)
    draw = draw_dataset(pool, DatasetSettings(size=180, n_bins=10))
    measured = measure_uniformity(pool, draw.rows.filter("uniform_draw"), draw.edges.tolist())
    assert [m.part for m in measured] == ["train", "validation", "test", "all"]
    for m, part in zip(measured, draw.parts, strict=False):
        assert m.before == tuple(part.supply)
        assert m.after == tuple(part.drawn)
        assert m.n_tracks == part.n_tracks
        assert m.evenness > m.evenness_before
    everything = measured[-1]
    assert everything.n_before == pool.height
    assert everything.n_after == 180
    assert 1 < everything.effective_codecs <= 6
    assert everything.effective_genres == pytest.approx(5, abs=0.3)
    assert sum(everything.before) == everything.n_before


def test_bins_without_candidates_and_bins_that_ran_dry_are_named():
    quality = [0.05] * 100 + [0.25] * 2 + [0.35] * 100 + [0.4]
    pool = pl.DataFrame({"quality": quality}).with_columns(
        part=pl.lit("train"), catalog=pl.lit("music"), track_id=pl.lit("t"),
        last_name=pl.lit("mp3"), genre=pl.lit(""),
    )  # fmt: skip
    drawn = pl.concat([pool[:20], pool[100:122]])
    measured = measure_uniformity(pool, drawn, [0.0, 0.1, 0.2, 0.3, 0.4])[0]
    assert measured.empty_bins == ("0.100-0.200",)
    assert measured.short_bins == ("0.200-0.300",)
    assert measured.after == (20, 0, 2, 20)
