"""Figures 1 and 2 of paper 004, from numbers of which it is known what they show."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from musqa_pipeline.studies.figures import house_style, to_png
from musqa_pipeline.studies.statistics.metrics import pairwise_ranking_accuracy


@pytest.fixture(scope="module")
def figures():
    import archive_figures

    return archive_figures


def test_ratings_stand_in_order_with_every_fifth_interval(figures):
    mos = np.random.default_rng(0).uniform(1, 5, 23)
    with house_style("figures"):
        figure = figures.draw_order(mos, np.full(23, 0.3))
        (axes,) = figure.axes
        (line,) = axes.lines
        np.testing.assert_array_equal(line.get_ydata(), np.sort(mos))
        (intervals,) = axes.collections
        ends = np.array([path.vertices[:, 1] for path in intervals.get_paths()])
        np.testing.assert_allclose(ends.mean(axis=1), np.sort(mos)[::5])
        np.testing.assert_allclose(ends[:, 1] - ends[:, 0], 0.6)
        assert to_png(figure).startswith(b"\x89PNG")


def test_pairs_are_those_that_the_ranking_accuracy_counts(figures):
    rng = np.random.default_rng(1)
    known = rng.uniform(1, 5, 40)
    said = np.round(0.5 * known + rng.normal(size=40), 1)  # with ties
    apart, slope = figures.pairs_apart(known, said, 0.8)
    assert apart.min() > 0.8
    assert len(apart) == (np.abs(known[:, None] - known) > 0.8).sum() / 2
    accuracy = pairwise_ranking_accuracy(known, said, 0.8)
    assert figures.ranking_accuracy([(apart, slope)]) == pytest.approx(accuracy)
    _, perfect = figures.pairs_apart(known, known + 7, 0.8)
    np.testing.assert_allclose(perfect, 1.0)
    assert np.isnan(figures.ranking_accuracy([(apart[:0], slope[:0])]))


def test_each_network_has_a_panel_and_each_pair_a_side(figures):
    known = np.linspace(1, 5, 20)
    right, wrong = (figures.pairs_apart(known, way * known, 1.0) for way in (1, -0.5))
    with house_style("figures"):
        figure = figures.draw_pairs({"good": [right], "bad": [wrong], "both": [right, wrong]}, 1.0)
        good, bad, both = figure.axes
        assert [panel.get_title() for panel in (good, bad, both)] == [
            "good: PRA 100.0 %", "bad: PRA 0.0 %", "both: PRA 50.0 %",
        ]  # fmt: skip
        assert len(good.lines[1].get_xdata()) == len(bad.lines[0].get_xdata()) == 0
        np.testing.assert_allclose(bad.lines[1].get_ydata(), -0.5)
        assert to_png(figure).startswith(b"\x89PNG")


def test_the_picture_shows_the_networks_that_have_been_run():
    import archive_table

    from musqa_pipeline.core.errors import StageError

    mos = np.linspace(1, 5, 20)
    half = SimpleNamespace(
        trial=SimpleNamespace(model="boosted"), predicted=mos,
        division=SimpleNamespace(test=np.arange(10)),
    )  # fmt: skip
    found = {"grouped": [half], archive_table.RANDOM_LABELS: []}
    halves = SimpleNamespace(mos=mos, read=found.get, threshold_of=lambda division: 0.5)
    with house_style("figures"):
        figure = archive_table.pictured(halves)
    assert figure.axes[0].get_title() == "boosted: PRA 100.0 %"
    found["grouped"] = []
    with pytest.raises(StageError, match="run the preset first"):
        archive_table.pictured(halves)
