from collections import Counter

import numpy as np
import pytest

from musqa_pipeline.core.settings.per_catalog import AdaptiveSettings
from musqa_pipeline.stages.dataset.adaptive.choose import (
    NO_PROCESS,
    Pool,
    choose_cascades,
    is_reached,
)
from musqa_pipeline.stages.dataset.adaptive.predict import Prediction

EDGES = np.linspace(0.0, 1.0, 5)
ALL = np.ones((4, 45, 45), dtype=bool)
IDS = ["a", "b", "c", "d"]
WANTED = AdaptiveSettings(rounds=1, cascades_per_round=10, rows_wanted=40, n_bins=4, evenness=0.999)


def pool(quality, reference=0, first=0):
    rows = np.zeros(len(quality), dtype=np.int64)
    return Pool(np.array(quality, float), rows + reference, rows + first, rows + NO_PROCESS)


def predict(quality, error=0.001):
    return Prediction(np.broadcast_to(np.asarray(quality, float), (4, 45, 45)), error)


def choose(prediction, have, settings=WANTED, untried=ALL, round_number=1):
    return choose_cascades(prediction, untried, have, EDGES, IDS, settings, round_number)


@pytest.mark.parametrize(
    ("counts", "reached"),
    [
        ([10, 10, 10, 10], True),
        ([10, 10, 10, 900], True),
        ([9, 9, 9, 9], False),  # even, but too few
        ([0, 900, 900, 900], False),  # enough, but one bin is empty
        ([8, 12, 12, 12], False),
    ],
)
def test_a_pool_is_as_wanted_if_it_is_large_and_even(counts, reached):
    assert is_reached(np.array(counts), WANTED) is reached


def test_a_lower_goal_is_reached_earlier():
    loose = AdaptiveSettings(rows_wanted=40, n_bins=4, evenness=0.9)
    assert is_reached(np.array([6, 12, 12, 12]), loose)


def test_only_bins_that_are_short_are_filled():
    quality = np.full((45, 45), 0.9)
    quality[:, 0], quality[:, 1] = 0.1, 0.6
    have = pool([0.3] * 10 + [0.6] * 4 + [0.9] * 500)
    chosen = choose(predict(quality), have)
    assert Counter(c.bin for c in chosen) == {0: 10, 2: 6}
    assert {c.last for c in chosen} == {0, 1}
    assert all(c.predicted_quality == (0.1 if c.bin == 0 else 0.6) for c in chosen)


def test_every_reference_takes_part_and_none_takes_more_than_it_may():
    have = pool([0.3] * 10 + [0.6] * 10 + [0.9] * 10)
    chosen = choose(predict(0.1), have, AdaptiveSettings(rounds=1, cascades_per_round=2, n_bins=4))
    assert Counter(c.reference for c in chosen) == dict.fromkeys(range(4), 2)
    last_rows = choose(predict(0.1), pool([0.1] * 9 + [0.3] * 10 + [0.6] * 10 + [0.9] * 10))
    assert Counter(c.reference for c in last_rows) == dict.fromkeys(range(4), 1)


def test_nothing_is_chosen_twice_nor_what_was_tried():
    untried = ALL.copy()
    untried[:, :, 5:] = False
    untried[1, 0, 0] = False
    chosen = choose(predict(0.1), pool([0.9] * 100), untried=untried)
    taken = [(c.reference, c.first, c.last) for c in chosen]
    assert len(set(taken)) == len(taken) > 0
    assert all(untried[t] for t in taken)


def test_nothing_is_chosen_where_the_pool_is_as_wanted_or_nothing_helps():
    even = pool([0.1, 0.3, 0.6, 0.9] * 10)
    assert choose(predict(0.1), even) == []
    top_heavy = pool([0.9] * 100)
    assert choose(predict(0.9), top_heavy) == []
    assert choose(predict(np.nan), top_heavy) == []


def test_an_unsure_prediction_near_a_border_is_worth_less_than_one_amid_its_bin():
    quality = np.full((45, 45), 0.24)
    quality[3, 4] = 0.125
    chosen = choose(predict(quality, error=0.05), pool([0.3, 0.6, 0.9] * 100))
    assert (chosen[0].first, chosen[0].last) == (3, 4)


def test_equal_cascades_are_spread_over_processes():
    have = pool([0.3, 0.6, 0.9] * 100)
    settings = AdaptiveSettings(rounds=1, cascades_per_round=40, rows_wanted=600, n_bins=4)
    chosen = choose(predict(0.1), have, settings)
    uses = Counter(p for c in chosen for p in (c.first, c.last))
    assert len(chosen) == 150
    assert len(uses) == 45
    assert max(uses.values()) <= 2 * 150 * 2 / 45


def test_a_process_that_gave_much_of_a_bin_is_avoided_there():
    have = pool([0.3, 0.6, 0.9] * 100 + [0.1] * 5, first=7)
    chosen = choose(predict(0.1), have)
    assert len(chosen) == 5
    assert not {7} & {p for c in chosen for p in (c.first, c.last)}


def test_seed_and_round_decide_between_equals_and_nothing_else_does():
    have = pool([0.3, 0.6, 0.9] * 100)
    first = choose(predict(0.1), have)
    assert choose(predict(0.1), have) == first
    assert choose(predict(0.1), have, round_number=2) != first
    other = AdaptiveSettings(
        rounds=1, cascades_per_round=10, rows_wanted=40, n_bins=4, evenness=0.999, seed=1
    )
    assert choose(predict(0.1), have, other) != first
