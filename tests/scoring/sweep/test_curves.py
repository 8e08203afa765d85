"""Means over recordings, their intervals, and BD-rates with their intervals."""

import numpy as np
import pytest

from musqa_pipeline.scoring.sweep.curves import comparisons, steps_of
from musqa_pipeline.scoring.sweep.measure import Point

ASKED = (24, 32, 48, 64, 96, 128)


def points(*, n_recordings=5, factor=0.5, spread=0.2, abstains=()):
    """Two codecs; `cheap` needs `factor` of what `dear` does, in every recording."""
    found = []
    for number in range(n_recordings):
        name = f"r{number}"
        shift = spread * (number - (n_recordings - 1) / 2)
        found.append(Point(name, 0, "", None, None, None, 4.6))
        for codec, share in (("dear", 1.0), ("cheap", factor)):
            for step, kbps in enumerate(ASKED):
                mos = 2.0 + 0.4 * step + shift
                model = None if (name, kbps) in abstains else mos + 0.1
                found.append(Point(name, 0, codec, kbps, share * (kbps + number), mos, model))
    return found


def test_a_step_is_the_mean_over_recordings_between_its_ends():
    steps = {(step.codec, step.asked_kbps): step for step in steps_of(points())}
    step = steps["dear", 48]
    assert step.bitrate_kbps == pytest.approx(50.0)
    assert step.visqol.value == pytest.approx(2.8)
    assert step.model.value == pytest.approx(2.9)
    assert 2.4 < step.visqol.low < 2.8 < step.visqol.high < 3.2
    assert (step.n_recordings, step.n_model_recordings) == (5, 5)
    assert steps["", None].model.value == pytest.approx(4.6)
    assert steps["", None].visqol is None


def test_excerpts_of_one_recording_weigh_as_much_as_one():
    found = points(n_recordings=3)
    doubled = [*found, *(Point(p.recording, 1, *_rest(p)) for p in found if p.recording == "r0")]
    first, second = steps_of(found), steps_of(doubled)
    assert [step.visqol for step in first] == [step.visqol for step in second]


def _rest(point):
    return (
        *(point.codec, point.asked_kbps, point.bitrate_kbps),
        *(point.visqol_mos, point.model_mos),
    )


def test_two_recordings_give_no_interval():
    step = next(step for step in steps_of(points(n_recordings=2)) if step.codec)
    assert (step.visqol.low, step.visqol.high) == (None, None)


def test_the_bd_rate_has_an_interval_around_it():
    by_visqol, by_model = comparisons(points(spread=0.05))
    assert (by_visqol.anchor, by_visqol.codec, by_visqol.metric) == ("dear", "cheap", "visqol")
    for found in (by_visqol, by_model):
        assert found.result.percent == pytest.approx(-50.0, abs=1e-9)
        # The same factor in every recording: a paired draw cannot move it.
        assert (found.low_percent, found.high_percent) == pytest.approx((-50.0, -50.0), abs=1e-9)


def test_codecs_keep_the_order_in_which_they_were_named():
    named = [step.codec for step in steps_of(points(n_recordings=1))]
    assert list(dict.fromkeys(named)) == ["", "dear", "cheap"]


def test_a_recording_that_the_model_abstains_on_counts_for_visqol_alone():
    steps = {(s.codec, s.asked_kbps): s for s in steps_of(points(abstains={("r4", 24)}))}
    for kbps in ASKED:
        assert (steps["dear", kbps].n_recordings, steps["dear", kbps].n_model_recordings) == (5, 4)
    # The mean of the model's curve is over the same four recordings at every step.
    assert steps["dear", 128].model.value == pytest.approx(4.1 - 0.1)
    assert steps["dear", 128].visqol.value == pytest.approx(4.0)


def test_a_model_that_always_abstains_gives_no_curve_and_says_so():
    all_of_them = {(f"r{n}", kbps) for n in range(5) for kbps in ASKED}
    found = points(abstains=all_of_them)
    assert all(step.model is None for step in steps_of(found) if step.codec)
    by_visqol, by_model = comparisons(found)
    assert by_visqol.result is not None
    assert (by_model.result, by_model.problem) == (None, "the model abstains on every recording")


def test_curves_that_do_not_overlap_say_so():
    found = [p for p in points(n_recordings=1) if p.codec != "cheap"]
    for step, kbps in enumerate(ASKED):
        found.append(Point("r0", 0, "other", kbps, float(kbps), 0.1 * step, 0.1 * step))
    for comparison in comparisons(found):
        assert comparison.result is None
        assert "the curves do not overlap" in comparison.problem


def test_draws_do_not_depend_on_the_order_of_points():
    found = points()
    order = np.random.default_rng(0).permutation(len(found) - 1)
    mixed = [found[0], *(found[1:][i] for i in order)]
    first, second = (
        {(step.codec, step.asked_kbps): step for step in steps_of(some)} for some in (found, mixed)
    )
    assert first == second
