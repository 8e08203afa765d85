"""Rows with faults of carriers: drawn once, named, stored as data and made again."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.degradations.carriers.chains import CARRIERS, FAULTS, Chain
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.settings.per_catalog import (
    CARRIER_NAMES,
    N_FAULTS,
    DegradationsSettings,
)
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.carrier_rows import (
    INTENSITIES,
    RESTORED,
    counterfactuals,
    draw_chains,
    draw_ladders,
)
from musqa_pipeline.stages.degradations.plan import plan_reference, processes_of
from musqa_pipeline.stages.degradations.random_rows import process_of
from musqa_pipeline.stages.degradations.table import CARRIER, COUNTERFACTUAL, LADDER
from tests.audio.music import music


def wanted(n_carrier=6, **more):
    return DegradationsSettings(
        singles=(), n_cascades=0, include_reference=True, n_carrier=n_carrier, **more
    )


def planned(excerpt_id, settings):
    return plan_reference(excerpt_id, 0, settings)


def chain_of(row):
    return Chain.of(json.loads(row["first_params"]))


def test_settings_know_the_carriers_and_faults_that_there_are():
    assert set(CARRIER_NAMES) == set(CARRIERS)
    assert len(FAULTS) == N_FAULTS


def test_without_chains_a_plan_has_no_row_of_carriers():
    assert [row["kind"] for row in planned("aa-0", wanted(0, n_carrier_ladders=12))] == [
        "reference"
    ]


def test_fewer_chains_are_the_first_of_more_and_other_settings_do_not_move_them():
    more, fewer = planned("aa-0", wanted(6)), planned("aa-0", wanted(2))
    of_two = [row for row in more if row["process"].split("-")[0] in ("c1", "c2")]
    assert [row for row in fewer if row["kind"] in (CARRIER, COUNTERFACTUAL)] == of_two
    names = [row["degraded_id"] for row in more]
    assert len(names) == len(set(names))
    random = planned("aa-0", wanted(6, n_random=3))
    assert [row for row in random if row["kind"] != "random"] == more
    assert planned("aa-0", wanted(6)) == more
    assert planned("ab-0", wanted(6)) != more
    assert planned("aa-0", wanted(6, seed=1)) != more


def test_each_chain_has_the_counterfactuals_that_restorations_need():
    n_restored = 0
    for number in range(40):
        rows = planned(f"{number:02x}-0", wanted(1, n_carrier_ladders=0))
        (row,) = (row for row in rows if row["kind"] == CARRIER)
        chain = chain_of(row)
        others = {r["process"]: chain_of(r) for r in rows if r["kind"] == COUNTERFACTUAL}
        for name, _ in chain.faults:
            rest = chain.without(name)
            assert others.pop(f"c1-{name}", None) == (rest if rest.faults else None)
        restored = others.pop(f"c1-{RESTORED}", None)
        if restored is not None:
            n_restored += 1
            assert restored == chain.without(*chain.removable)
            assert len(chain.removable) > 1
        assert not others
    assert n_restored


def test_a_chain_of_one_fault_has_no_counterfactual_but_the_reference():
    assert counterfactuals(Chain("lp", (("rumble", object()),))) == {}


def test_carriers_are_drawn_as_often_as_each_other_and_only_those_named():
    drawn = Counter(
        chain.carrier for n in range(300) for _, chain in draw_chains(f"{n}-0", wanted(2))
    )
    assert set(drawn) == set(CARRIERS)
    assert min(drawn.values()) > 110
    one = {c.carrier for _, c in draw_chains("aa-0", wanted(20, carrier_names=("tape",)))}
    assert one == {"tape"}


def test_a_ladder_changes_nothing_but_the_intensity_and_every_fault_gets_one():
    steps = list(draw_ladders("aa-0", wanted(1, n_carrier_ladders=12)))
    assert [(fault, value) for fault, value, _ in steps] == [
        (fault, value) for fault in FAULTS for value in INTENSITIES
    ]
    for fault, value, chain in steps:
        ((name, params),) = chain.faults
        assert (name, params.intensity) == (fault, value)
        assert fault in CARRIERS[chain.carrier]
    for fault in FAULTS:
        others = [
            {k: v for k, v in vars(chain.faults[0][1]).items() if k != "intensity"}
            for name, _, chain in steps
            if name == fault
        ]
        assert all(one == others[0] for one in others)
    few = Counter(
        fault
        for n in range(240)
        for fault, value, _ in draw_ladders(f"{n}-0", wanted(1))
        if value == 0.0
    )
    assert set(few) == set(FAULTS)
    assert sum(few.values()) == 240


def test_rows_say_what_they_are():
    rows = [row for row in planned("aa-0", wanted(4)) if row["kind"] != "reference"]
    assert {row["kind"] for row in rows} == {CARRIER, COUNTERFACTUAL, LADDER}
    for row in rows:
        assert row["in_pool"] == (row["kind"] != LADDER)
        assert row["first_name"] == row["last_name"] == chain_of(row).carrier
        assert row["first_id"] >= 100
        assert (row["depth"], row["first_bitrate_kbps"], row["first_cutoff_hz"]) == (1, None, None)
        (process,) = processes_of(row)
        assert process.params == chain_of(row)


def test_a_row_is_made_as_its_chain_says_and_comes_back_alike():
    reference = music()[: EXCERPT_SAMPLES + TAIL_SAMPLES]
    plan = planned("aa-0", wanted(2, n_carrier_ladders=0))
    made = degrade_reference(plan, reference)
    again = degrade_reference(plan, reference)
    assert [row["pcm_hash"] for row in made] == [row["pcm_hash"] for row in again]
    assert len({row["pcm_hash"] for row in made}) == len(made)
    row = next(row for row in made if row["kind"] == CARRIER)
    (samples,) = degraded_audio([row])
    expected = chain_of(row).apply(reference.astype(np.float64))[:EXCERPT_SAMPLES]
    scale = np.vdot(samples, expected) / np.vdot(samples, samples)
    assert np.abs(samples * scale - expected).max() < 1e-4 * np.abs(expected).max()
    assert row["loudness_lufs"] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_carrier": 1}, r"include_reference.*true, as n_carrier compares with it"),
        (
            {"carrier_names": ("wire",)},
            r"carrier_names.*one or more of cylinder, shellac, lp, tape",
        ),
        ({"carrier_names": ()}, "carrier_names"),
        ({"n_carrier_ladders": 13}, "n_carrier_ladders"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, words):
    with pytest.raises(SettingsError, match=words):
        DegradationsSettings(**settings)


HUM = {"fault": "hum", "intensity": 50.0, "mains_hz": 50.0, "seed": 1}
CURVE = {"fault": "replay_curve", "intensity": 50.0, "cut_by": "riaa", "replayed_by": "flat"}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("{", "no JSON object"),
        ("[]", "a chain is no object of carrier and faults"),
        ({"carrier": "lp"}, "a chain is no object of carrier and faults"),
        ({"carrier": "lp", "faults": 3}, "the faults of a chain are no list"),
        ({"carrier": ["lp"], "faults": []}, "unknown carrier"),
        ({"carrier": "tape", "faults": []}, "lp has carrier='tape': expected 'lp'"),
        ({"carrier": "lp", "faults": [{"fault": ["hum"]}]}, "unknown fault"),
        ({"carrier": "lp", "faults": ["hum"]}, "unknown fault None"),
        ({"carrier": "lp", "faults": [HUM, HUM]}, "fault hum comes twice"),
        ({"carrier": "lp", "faults": [HUM | {"pitch": 1}]}, "fault hum: parameters"),
        (
            {"carrier": "lp", "faults": [HUM | {"intensity": 101}]},
            r"lp: hum has intensity=101: exp",
        ),
        ({"carrier": "lp", "faults": [HUM | {"mains_hz": "50"}]}, "lp: hum has mains_hz='50'"),
        (
            {"carrier": "lp", "faults": [HUM | {"seed": 0.5}]},
            "lp: hum has seed=0.5: expected a whole",
        ),
        (
            {"carrier": "lp", "faults": [CURVE | {"cut_by": "loud"}]},
            "lp: replay_curve has cut_by='loud': expected one of aes",
        ),
    ],
)
def test_a_chain_that_somebody_wrote_down_wrongly_is_told_of(params, words):
    text = params if isinstance(params, str) else json.dumps(params)
    with pytest.raises(StageError, match=words):
        process_of("lp", text)
