"""What a restoration gains: differences of the labels of a chain and of what it would be."""

from __future__ import annotations

import polars as pl
import pytest

from musqa_pipeline.audio.degradations.carriers.chains import LASTING
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.stages.degradations.plan import plan_reference
from musqa_pipeline.stages.degradations.table import CARRIER
from musqa_pipeline.stages.gains.checks import judge_gains
from musqa_pipeline.stages.gains.stage import EVERY_FAULT, compare_chains
from musqa_pipeline.stages.gains.table import GAINS
from musqa_pipeline.stages.labels.heard import faults_of, judge_ladders

IDENTITY_MOS = 4.73
WEIGHT = 0.006
DEAF = ("flutter", "overload")
SETTINGS = DegradationsSettings(
    singles=(), n_cascades=0, include_reference=True, n_carrier=5, n_carrier_ladders=12
)


def mos_of(row):
    """Let each fault cost its intensity, and those that nobody hears nothing."""
    faults = faults_of(row.get("first_params"))
    return IDENTITY_MOS - WEIGHT * sum(v for name, v in faults.items() if name not in DEAF)


@pytest.fixture(scope="module")
def rows():
    """Labelled rows of twelve references, whose labels are sums over faults."""
    planned = [row for n in range(12) for row in plan_reference(f"{n:02x}-0", 0, SETTINGS)]
    frame = pl.DataFrame(planned, infer_schema_length=None)
    return frame.with_columns(
        catalog=pl.lit("music"), part=pl.lit("train"), mos=pl.Series([mos_of(r) for r in planned])
    )


@pytest.fixture(scope="module")
def gains(rows):
    return pl.DataFrame(GAINS.from_rows(compare_chains(rows, judge_ladders(rows))))


def test_a_gain_is_what_the_fault_cost(rows, gains):
    one = gains.filter(pl.col("fault") != EVERY_FAULT)
    for row in one.filter("heard").iter_rows(named=True):
        assert row["gain_mos"] == pytest.approx(WEIGHT * row["intensity"])
        assert row["fault"] not in DEAF
    unheard = one.filter(~pl.col("heard"))
    assert set(unheard["fault"]) == set(DEAF)
    assert unheard["gain_mos"].null_count() == unheard.height
    per_chain = rows.filter(pl.col("kind") == CARRIER)["first_params"]
    assert one.height == sum(len(faults_of(params)) for params in per_chain)


def test_all_that_is_removable_is_left_out_at_once(rows, gains):
    params = dict(
        rows.filter(pl.col("kind") == CARRIER).select("degraded_id", "first_params").rows()
    )
    every = gains.filter(pl.col("fault") == EVERY_FAULT)
    with_some = {
        name for name, text in params.items() if any(f not in LASTING for f in faults_of(text))
    }
    assert set(every["degraded_id"]) == with_some
    for row in every.iter_rows(named=True):
        removable = {
            k: v for k, v in faults_of(params[row["degraded_id"]]).items() if k not in LASTING
        }
        assert row["n_removable"] == len(removable)
        assert row["heard"] == (not set(removable) & set(DEAF))
        cost = WEIGHT * sum(v for k, v in removable.items() if k not in DEAF)
        assert row["without_mos"] - row["mos"] == pytest.approx(cost)
        assert row["intensity"] is None


def test_where_nothing_is_left_the_reference_is_what_it_would_be(gains):
    alone = gains.filter(pl.col("without_id").str.ends_with("-0-0"))
    assert alone.height
    assert set(alone["without_mos"]) == {IDENTITY_MOS}


def test_faults_that_last_cannot_be_removed(gains):
    lasting = gains.filter(~pl.col("removable"))
    assert set(lasting["fault"]) == set(LASTING)


@pytest.mark.parametrize(
    ("spoil", "count"),
    [
        (lambda g: g.head(g.height - 2), "n_missing"),
        (lambda g: pl.concat([g, g.head(1)]), "n_doubled"),
        (lambda g: g.with_columns(fault=pl.lit("mould")), "n_surplus"),
        (lambda g: g.with_columns(mos=pl.col("mos") + 0.1), "n_wrong"),
        (lambda g: g.with_columns(gain_mos=pl.col("gain_mos") + 0.1), "n_wrong"),
        (lambda g: g.with_columns(heard=~pl.col("heard")), "n_wrong"),
        (lambda g: g.with_columns(without_id=pl.lit("nobody")), "n_wrong"),
    ],
)
def test_the_check_finds_what_is_wrong(rows, gains, spoil, count):
    sound = judge_gains(gains, rows)
    assert sound.passed
    assert sound.numbers["n_gains"] == gains.height
    spoilt = judge_gains(spoil(gains), rows)
    assert not spoilt.passed
    assert spoilt.numbers[count] > 0


def test_no_gain_at_all_is_no_sound_table(rows, gains):
    assert not judge_gains(gains.clear(), rows).passed
