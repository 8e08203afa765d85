"""Chains of faults: drawn as data, in their order, and what is left without one of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from musqa_pipeline.audio.degradations.carriers.chains import (
    CARRIERS,
    FAULTS,
    LASTING,
    MOST_FAULTS,
    Chain,
    draw_chain,
)
from musqa_pipeline.core.errors import SettingsError

MUSIC = np.random.default_rng(0).standard_normal(96_000) * 0.1


@pytest.mark.parametrize("carrier", CARRIERS)
def test_chains_are_of_their_carrier_and_in_the_order_of_faults(carrier):
    rng, order = np.random.default_rng(1), list(FAULTS)
    seen, sizes = set(), set()
    for _ in range(300):
        chain = draw_chain(carrier, rng)
        names = [name for name, _ in chain.faults]
        assert names == sorted(set(names), key=order.index)
        assert set(names) <= set(CARRIERS[carrier])
        assert all(0 <= params.intensity <= 100 for _, params in chain.faults)
        turns = {params.turn_s for _, params in chain.faults if hasattr(params, "turn_s")}
        assert len(turns) <= 1  # a record turns at one speed
        seen |= set(names)
        sizes.add(len(names))
    assert seen == set(CARRIERS[carrier])
    assert sizes == set(range(1, MOST_FAULTS + 1))


def test_a_chain_comes_back_from_its_json():
    rng = np.random.default_rng(2)
    for carrier in CARRIERS:
        chain = draw_chain(carrier, rng)
        again = Chain.of(json.loads(json.dumps(chain.as_data())))
        assert again == chain
        assert np.array_equal(again.apply(MUSIC), chain.apply(MUSIC))


def test_without_a_fault_the_others_are_as_they_were():
    rng = np.random.default_rng(3)
    chain = next(c for c in iter(lambda: draw_chain("lp", rng), None) if len(c.faults) == 5)
    name, _ = chain.faults[1]
    less = chain.without(name)
    assert less.faults == (chain.faults[0], *chain.faults[2:])
    expected = MUSIC
    for other, params in less.faults:
        expected = FAULTS[other].apply(expected, params)
    assert np.array_equal(less.apply(MUSIC), expected)
    assert not np.array_equal(less.apply(MUSIC), chain.apply(MUSIC))
    assert chain.without(*(name for name, _ in chain.faults)).apply(MUSIC) is MUSIC


def test_what_took_something_away_cannot_be_removed():
    rng = np.random.default_rng(4)
    for carrier in CARRIERS:
        for _ in range(50):
            chain = draw_chain(carrier, rng)
            left = chain.without(*chain.removable)
            assert {name for name, _ in left.faults} <= set(LASTING)
            assert len(left.faults) + len(chain.removable) == len(chain.faults)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"carrier": "wire", "faults": []}, "unknown carrier 'wire'; known are cylinder, shellac"),
        (
            {"carrier": "lp", "faults": [{"fault": "mould"}]},
            "unknown fault 'mould'; known are band",
        ),
        (
            {"carrier": "lp", "faults": [{"fault": "rumble", "level": 3}]},
            r"fault rumble: parameters \['level'\], expected \['intensity', 'seed'\]",
        ),
    ],
)
def test_data_of_no_chain_are_refused(data, words):
    with pytest.raises(SettingsError, match=words):
        Chain.of(data)
