"""Whether the metric of the labels hears a fault is decided by ladders."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.audio.degradations.carriers.chains import FAULTS
from musqa_pipeline.audio.metrics.registry import METRICS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.labels.heard import (
    FEWEST_LADDERS,
    check_heard,
    faults_of,
    judge_ladders,
)
from tests.stages.degradations.references import context_with_references
from tests.stages.labels.fake import Nearness

NONE = pl.DataFrame(
    schema={
        "excerpt_id": pl.String,
        "kind": pl.String,
        "first_params": pl.String,
        "mos": pl.Float64,
    }
)


def ladders(fault, *each):
    rows = []
    for number, mos in enumerate(each):
        for place, value in enumerate(mos):
            one = {"fault": fault, "intensity": 25.0 * place}
            params = json.dumps({"carrier": "lp", "faults": [one]})
            rows.append((f"{number}-0", "ladder", params, value))
    return pl.DataFrame(rows, schema=NONE.schema, orient="row")


FALLING = (4.7, 4.5, 4.2, 4.1, 4.0)
FLAT = (4.73, 4.73, 4.73, 4.73, 4.73)
SLIGHT = (4.73, 4.72, 4.71, 4.70, 4.69)


@pytest.mark.parametrize(
    ("each", "heard"),
    [
        ((FALLING,) * 3, True),
        ((FALLING, FALLING, FLAT), True),
        ((FALLING, FLAT, FLAT), False),
        ((SLIGHT,) * 9, False),
        ((FALLING[::-1],) * 3, False),
        ((FALLING,) * (FEWEST_LADDERS - 1), False),
        (((4.7, 3.0, 4.6, 3.1, 4.0),) * 3, False),
    ],
    ids=["falls", "most fall", "few fall", "a hair", "rises", "too few", "to and fro"],
)
def test_a_fault_is_heard_where_most_ladders_fall_surely_and_by_half_a_mos(each, heard):
    found = judge_ladders(ladders("hum", *each))
    assert found["hum"].heard == heard
    assert found["hum"].n_ladders == len(each)
    assert not any(one.heard for name, one in found.items() if name != "hum")


def test_the_medians_are_those_of_the_ladders():
    found = judge_ladders(ladders("wow", FALLING, SLIGHT, FLAT))["wow"]
    assert (found.spearman, found.fall_mos) == (pytest.approx(-1.0), pytest.approx(0.04))


def test_rows_without_ladders_decide_nothing():
    assert set(judge_ladders(NONE)) == set(FAULTS)
    chains = ladders("hum", *(FALLING,) * 3).with_columns(kind=pl.lit("carrier"))
    assert judge_ladders(chains)["hum"].n_ladders == 0


def test_faults_are_read_from_the_parameters_of_any_row():
    faults = [{"fault": "hum", "intensity": 3, "seed": 1}, {"fault": "wow", "intensity": 4.5}]
    params = json.dumps({"carrier": "lp", "faults": faults})
    assert faults_of(params) == {"hum": 3.0, "wow": 4.5}
    assert faults_of(None) == faults_of('{"cutoff_hz": 3000.0}') == {}


def test_the_check_wants_ladders_of_every_fault(home, monkeypatch):
    monkeypatch.setitem(METRICS, "visqol", Nearness)
    wanted = {"singles": [], "n_cascades": 0, "include_reference": True, "n_carrier": 1}
    few = context_with_references(home, n_references=3, n_carrier_ladders=1, **wanted)
    for stage in ("degradations", "labels"):
        run_stage(get_stage(stage), few)
    found = check_heard(few)
    assert not found.passed
    assert found.numbers["n_undecided"] >= len(FAULTS) - 3
    assert check_heard(context_with_references(home, singles=[42], n_cascades=0)).passed


@pytest.mark.long
def test_with_ladders_of_every_fault_the_check_says_which_are_heard(home, monkeypatch):
    monkeypatch.setitem(METRICS, "visqol", Nearness)
    wanted = {"singles": [], "n_cascades": 0, "include_reference": True, "n_carrier": 1}
    context = context_with_references(home, n_references=3, n_carrier_ladders=12, **wanted)
    for stage in ("degradations", "labels"):
        run_stage(get_stage(stage), context)
    found = check_heard(context)
    assert found.passed
    assert found.numbers["n_undecided"] == 0
    assert found.numbers["hiss"].startswith("heard: rho -1.00")
    rows = context.lake.scan(
        context.partition("degradations"), get_stage("degradations").table.schema
    )
    assert np.unique(rows["kind"]).tolist() == ["carrier", "counterfactual", "ladder", "reference"]
