import pytest

from musqa_pipeline.audio.metrics.registry import METRICS
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.labels.stage import list_units
from musqa_pipeline.stages.labels.table import quality_of
from musqa_pipeline.storage.stores.local_store import LocalStore
from tests.stages.degradations.references import context_with_references
from tests.stages.labels.fake import Nearness


@pytest.fixture
def nearness(monkeypatch):
    monkeypatch.setitem(METRICS, "visqol", Nearness)
    monkeypatch.setattr(Nearness, "scored", 0)
    return Nearness


def labels_of(context, unit_id):
    return context.lake.read(context.partition("labels"), unit_id).to_pylist()


def test_each_degraded_excerpt_gets_a_label_and_identical_ones_are_scored_once(home, nearness):
    wanted = {"singles": [1, 25, 26, 27], "n_cascades": 0, "include_reference": True}
    context = context_with_references(home, **wanted)
    run_stage(get_stage("degradations"), context)
    assert run_stage(get_stage("labels"), context).rows == 5
    assert nearness.scored == 3
    rows = labels_of(context, "r0-0-n0")
    assert [r["degraded_id"] for r in rows] == [f"r0-0-{p}" for p in (0, 1, 25, 26, 27)]
    assert {r["metric"] for r in rows} == {"nearness 1"}
    assert {r["excerpt_id"] for r in rows} == {"r0-0"}
    mos = [r["mos"] for r in rows]
    assert mos[0] == 4.73
    assert mos[1] < mos[2] == mos[3] == mos[4] < mos[0]
    assert [r["quality"] for r in rows] == [(m - 1) / 4 for m in mos]
    assert [r["fvnsim"] for r in rows] == [[r["vnsim"]] * 32 for r in rows]

    path = context.lake.path(context.partition("labels"), "r0-0-n0")
    first = path.read_bytes()
    path.unlink()
    run_stage(get_stage("labels"), context)
    assert path.read_bytes() == first


def test_units_are_those_of_the_degradations_that_have_rows(home, nearness):
    context = context_with_references(home, n_references=2, singles=[42], n_cascades=0)
    run_stage(get_stage("degradations"), context)
    context.lake.write(context.partition("degradations"), "r9-0-n0", DEGRADATIONS.from_rows([]))
    assert [u.unit_id for u in list_units(context)] == ["r0-0-n0", "r1-0-n0"]
    assert [u.what for u in list_units(context)] == ["r0-0", "r1-0"]


def test_listing_the_units_opens_each_file_of_the_stage_before_once(home, monkeypatch):
    context = context_with_references(home, n_references=2, singles=[42], n_cascades=0)
    run_stage(get_stage("degradations"), context)
    opened, open_file = [], LocalStore.opened
    monkeypatch.setattr(
        LocalStore, "opened", lambda store, key: opened.append(key) or open_file(store, key)
    )
    assert len(list_units(context)) == 2
    assert len(opened) == len(set(opened)) == 2
    del opened[:]
    assert len(get_stage("degradations").units(context)) == 2
    assert len(opened) == len(set(opened)) == 2


def test_visqol_labels_a_reference(home):
    context = context_with_references(home, singles=[42], n_cascades=0, include_reference=True)
    run_stage(get_stage("degradations"), context)
    run_stage(get_stage("labels"), context)
    identity, lowpass = labels_of(context, "r0-0-n0")
    assert identity["mos"] == pytest.approx(4.732, abs=0.001)
    assert 1.0 < lowpass["mos"] < 3.5
    assert lowpass["metric"] == Reference.version
    assert [identity["lag_samples"], lowpass["lag_samples"]] == [0, 0]


def test_the_top_of_the_scale_is_not_stretched():
    assert (quality_of(1.0), quality_of(5.0)) == (0.0, 1.0)
    assert quality_of(4.732) == pytest.approx(0.933)
