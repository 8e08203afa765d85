"""How many requests a unit costs, which on object storage is what its way is paid in."""

import pytest

from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.stages.degradations.stage import read_excerpt_ids
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.labels import stage as labels
from musqa_pipeline.storage.lake import reading
from tests.stages.dataset.adaptive.world import add_references
from tests.storage.stores import toy

SIZES = (3, 8)
FINGERPRINTS = {"excerpts": "e" * 32, "degradations": "d" * 32, "labels": "a" * 32}


@pytest.fixture
def requests_of(storage, monkeypatch):
    """Count the requests of some work in a process that knows nothing of the lake yet."""

    def count(work, methods=("GET", "HEAD"), match="."):
        monkeypatch.setattr(reading, "_FOOTERS", {})
        storage.faults(("none", methods, match, 10**9))
        work()
        (fired,) = storage.fired()
        storage.faults()
        return fired

    return count


def context_of(home):
    return Context(home, Preset(name="toy"), "toys", FINGERPRINTS)


def with_units(home, n_units):
    """Return the context of a catalog with references and their degraded excerpts."""
    context = context_of(home / str(n_units))
    ids = [f"{number:016x}-0" for number in range(n_units)]
    add_references(context, ids)
    table = get_stage("degradations").table.schema.empty_table()
    for excerpt_id in ids:
        context.lake.write(context.partition("degradations"), f"{excerpt_id}-n2", table)
    return context


def a_unit(counts):
    """What one more unit costs."""
    return (counts[1] - counts[0]) / (SIZES[1] - SIZES[0])


def test_listing_the_units_of_a_stage_reads_a_footer_a_unit_and_nothing_else(
    remote_home, requests_of
):
    contexts = [with_units(remote_home, n) for n in SIZES]
    assert a_unit([requests_of(lambda c=c: read_excerpt_ids(c)) for c in contexts]) == 1
    assert a_unit([requests_of(lambda c=c: labels.list_units(c)) for c in contexts]) == 1


def test_what_was_listed_once_costs_a_listing(remote_home, requests_of):
    context = with_units(remote_home, SIZES[1])
    labels.list_units(context)
    known = dict(reading._FOOTERS)

    def again():
        reading._FOOTERS.update(known)
        labels.list_units(context)

    assert requests_of(again) <= 2  # the manifest, and the folder


def test_a_run_reads_its_manifest_as_often_for_many_units_as_for_few(
    remote_home, requests_of, monkeypatch
):
    manifest = r"labels/.*packs/manifest\.json"
    reads, puts = [], []
    for n_units in SIZES:
        monkeypatch.setattr(toy, "N_UNITS", n_units)
        context = context_of(remote_home / str(n_units))
        work = lambda c=context: run_stage(toy.TOY, c)  # noqa: E731
        reads.append(requests_of(work, match=manifest))
        assert len(context.lake.done(get_stage("labels").partition(context))) == n_units
        again = context_of(remote_home / f"again-{n_units}")
        work = lambda c=again: run_stage(toy.TOY, c)  # noqa: E731
        puts.append(requests_of(work, ("PUT",), match=r"labels/.*/u\d+\.parquet"))
    assert reads[0] > 0
    assert a_unit(reads) == 0
    assert a_unit(puts) == 1


@pytest.mark.parametrize("n_workers", [1, 2])
def test_each_worker_of_a_run_reads_the_manifest_of_an_input_once(
    remote_home, requests_of, n_workers
):
    manifest = r"excerpts/.*packs/manifest\.json"
    for n_units in SIZES:
        context = with_units(remote_home, n_units)
        fanout = LocalPool(n_workers) if n_workers > 1 else None
        work = lambda c=context, f=fanout: run_stage(toy.READER, c, fanout=f)  # noqa: E731
        listing = requests_of(lambda c=context: toy.list_inputs(c), match=manifest)
        assert 1 <= requests_of(work, match=manifest) - listing <= n_workers
        assert len(context.lake.done(get_stage("labels").partition(context))) == n_units
