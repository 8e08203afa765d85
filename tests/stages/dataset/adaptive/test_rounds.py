"""The rounds on a lake, with stages that cost nothing."""

import dataclasses
import re
import shutil
from collections import Counter

import pytest

from musqa_pipeline.core import fingerprints
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.preset import Preset, builtin_presets
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.stages.dataset.adaptive import rounds
from musqa_pipeline.stages.dataset.adaptive.rounds import next_plan, require_labelled
from musqa_pipeline.stages.dataset.quotas import fill_evenly
from musqa_pipeline.stages.dataset.uniformity import evenness
from musqa_pipeline.stages.degradations.checks import check_counts
from musqa_pipeline.stages.degradations.round_plans import plan_id, plan_partition, stored_plans
from musqa_pipeline.stages.degradations.sources import units_by_excerpt
from musqa_pipeline.stages.degradations.stage import list_units, read_excerpt_ids
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.graph import catalog_context, get_stage, load_preset
from musqa_pipeline.stages.labels.checks import check_counts as check_label_counts
from musqa_pipeline.stages.tracks.stage import TRACKS_MAKER
from musqa_pipeline.stages.views.duck import publish, query
from musqa_pipeline.storage.lake.lake import Lake
from tests.stages.dataset.adaptive.world import (
    REFUSED,
    add_references,
    contents,
    play,
    use_costless_stages,
    with_fingerprints,
    world,
)

IDS = [f"{i:04x}-0" for i in range(4)]
BEFORE_THE_MODE = {
    "demo": ("77b2bd32b9747e151a465b2ba8b6ece0", "634342793a0b98c76572da214441068a"),
    "musqa": ("c15952e921d2cd1b0e959d2da9088ced", "d6a62ebfaebe62e1a7394acdbeebdd15"),
    "paper": ("77b2bd32b9747e151a465b2ba8b6ece0", "4ed04bc260faf6805437a05222656225"),
}
"""Fingerprints of excerpts and degradations before there was an adaptive mode, tool versions 0."""


@pytest.fixture(autouse=True)
def _costless(monkeypatch):
    use_costless_stages(monkeypatch)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A lake after all rounds, to be copied by each test."""
    with pytest.MonkeyPatch.context() as patched:
        use_costless_stages(patched)
        context = world(tmp_path_factory.mktemp("made") / "home", IDS)
        play(context)
    return context


@pytest.fixture
def finished(made, home):
    shutil.copytree(made.home, home)
    return dataclasses.replace(made, home=home)


def plans_of(context):
    return stored_plans(context, read_excerpt_ids(context))


@pytest.mark.parametrize("name", builtin_presets())
def test_the_mode_is_off_in_every_preset_and_then_changes_no_fingerprint(home, monkeypatch, name):
    monkeypatch.setattr(fingerprints, "tool_version", lambda distribution: "0")
    maker = dataclasses.replace(TRACKS_MAKER, version=1)  # it has read lossy files anew since
    monkeypatch.setattr("musqa_pipeline.stages.tracks.stage.TRACKS_MAKER", maker)
    preset = load_preset(name)
    if name == "musqa":  # which got random rows since, for fewer cascades
        before = dataclasses.replace(preset.degradations, n_cascades=60, n_random=0)
        preset = dataclasses.replace(preset, degradations=before)
    found = catalog_context(home, preset, "songs").fingerprints
    assert preset.adaptive.rounds == 0
    if name in BEFORE_THE_MODE:  # the others came later
        assert (found["excerpts"], found["degradations"]) == BEFORE_THE_MODE[name]


def test_while_it_is_off_units_and_runs_are_as_without_it(home):
    context = world(home, IDS, adaptive={"rounds": 0, "rows_wanted": 240})
    stages, lines = [], []
    report = play(context, before=lambda stage: stages.append(stage.name), log=lines.append)
    assert stages == ["degradations"]
    assert (report.units, report.made, report.rows) == (4, 4, 4 * 46)
    assert [u.unit_id for u in list_units(context)] == [f"{i}-n1" for i in IDS]
    assert not (home / "lake" / "rounds").exists()
    assert not any("planned" in line for line in lines)


def test_all_references_are_in_every_round_and_all_is_labelled_in_the_end(finished):
    plans = plans_of(finished)
    assert len(plans) >= 2
    made = [plan for plan in plans if plan.num_rows]
    for number, plan in enumerate(made, start=1):
        per_reference = Counter(plan["excerpt_id"].to_pylist())
        assert set(per_reference) == set(IDS)
        assert max(per_reference.values()) <= 6
        assert set(plan["round"].to_pylist()) == {number}
    units = list_units(finished)
    assert len(units) == len(IDS) * (1 + len(made))
    for name in ("degradations", "labels"):
        stage = get_stage(name)
        assert finished.lake.missing(stage.partition(finished), [u.unit_id for u in units]) == []
    assert check_label_counts(finished).passed
    counts = check_counts(finished)
    assert counts.passed
    assert counts.numbers["n_references"] == len(IDS)
    assert counts.numbers["n_rows"] == 46 * len(IDS) + sum(p.num_rows for p in made)


def test_no_cascade_of_a_reference_comes_twice(finished):
    partition = finished.partition("degradations")
    names = [
        name
        for unit in list_units(finished)
        for name in finished.lake.read(partition, unit.unit_id, ["degraded_id"])[0].to_pylist()
    ]
    assert len(names) == len(set(names))


def test_rounds_end_early_once_the_pool_is_as_wanted(home):
    context = world(home, IDS, adaptive={"rounds": 9, "rows_wanted": 200, "n_bins": 8})
    play(context)
    plans = plans_of(context)
    assert len(plans) < 9
    assert plans[-1].num_rows == 0
    quality = context.lake.scan(context.partition("labels"), get_stage("labels").table.schema)[
        "quality"
    ].to_pylist()
    width = (max(quality) - min(quality)) / 8
    counts = Counter(min(7, int((q - min(quality)) / width)) for q in quality)
    drawn = fill_evenly(200, [counts[b] for b in range(8)])
    assert drawn.sum() == 200
    assert evenness(drawn, [True] * 8) > 0.99
    again = []
    report = play(context, before=lambda stage: again.append(stage.name))
    assert (again, report.made) == (["degradations", "labels"], 0)


def test_a_plan_is_stored_whole_before_anything_of_its_round_is_made(home):
    context = world(home, IDS)
    seen = []

    def look(stage):
        made = context.lake.done(context.partition("degradations"))
        rounds_made = {int(u.rpartition("r")[2][0]) for u in made if "r" in u.rpartition("-n")[2]}
        seen.append((stage.name, len(plans_of(context)), max(rounds_made, default=0)))

    play(context, before=look)
    assert seen[:4] == [
        ("degradations", 0, 0),
        ("labels", 0, 0),
        ("degradations", 1, 0),
        ("labels", 1, 1),
    ]


def test_a_round_is_not_planned_while_a_label_is_missing(finished):
    partition = finished.partition("labels")
    finished.lake.discard(partition, f"{IDS[2]}-n1")
    with pytest.raises(
        StageError,
        match=re.escape(
            "round 1 of catalog songs cannot be planned: 1 units of earlier rounds have no labels "
            f"yet, for example {IDS[2]}; run the stages degradations and labels again"
        ),
    ):
        require_labelled(finished, 1)
    for name in finished.lake.done(plan_partition(finished)):
        finished.lake.discard(plan_partition(finished), name)
    with pytest.raises(StageError, match="have no labels yet"):
        next_plan(finished)
    assert finished.lake.done(plan_partition(finished)) == []
    finished.lake.discard(finished.partition("degradations"), f"{IDS[0]}-n1")
    with pytest.raises(StageError, match=f"have no degradations yet, for example {IDS[0]};"):
        next_plan(finished)


@pytest.mark.parametrize("kill_at", range(1, 6))
def test_a_run_that_is_killed_between_stages_ends_with_the_same_bytes(home, finished, kill_at):
    expected = contents(finished)
    context = world(home.parent / "killed", IDS)
    stages = []

    def kill(stage):
        stages.append(stage.name)
        if len(stages) == kill_at + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(context, before=kill)
    assert contents(context).keys() < expected.keys()
    play(context)
    assert contents(context) == expected


def test_a_kill_while_a_plan_is_written_leaves_none_and_the_next_run_draws_it_again(
    home, finished, monkeypatch
):
    context = world(home.parent / "killed", IDS)
    write = Lake.write

    def killed(self, partition, *arguments, **more):
        if partition.stage == "rounds":
            raise KeyboardInterrupt
        return write(self, partition, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            play(context)
    assert plans_of(context) == []
    play(context)
    assert contents(context) == contents(finished)


def test_a_stored_plan_is_read_back_and_never_drawn_again(finished, monkeypatch):
    def drawn(context, round_number):
        raise AssertionError("drawn again")

    monkeypatch.setattr(rounds, "draw_plan", drawn)
    before = contents(finished)
    for name in ("degradations", "labels"):
        partition = finished.partition(name)
        for unit_id in finished.lake.done(partition):
            finished.lake.discard(partition, unit_id)
    play(finished)
    assert contents(finished) == before


class Backwards:
    """Makes the last unit first, as if it had been the fastest."""

    def map(self, function, tasks, *, needs=None, on_sign=None):
        yield from map(function, list(tasks)[::-1])


@pytest.mark.parametrize(
    "fanout", [Backwards(), pytest.param(LocalPool(2), marks=pytest.mark.long)], ids=["", "pool"]
)
def test_workers_and_the_order_in_which_references_came_change_no_byte(home, finished, fanout):
    other = world(home.parent / "other", [])
    add_references(other, IDS[::-1])
    play(other, fanout=fanout)
    assert contents(other) == contents(finished)


def test_a_plan_depends_on_labels_of_earlier_rounds_alone(finished):
    """Labels of a later round are there, and changed, when an earlier plan is drawn again."""
    first, *_ = plans_of(finished)
    partition = finished.partition("labels")
    later = [u for u in finished.lake.done(partition) if not u.endswith("-n1")]
    assert later
    for unit_id in later:
        table = finished.lake.read(partition, unit_id)
        rows = [{**row, "quality": 0.5} for row in table.to_pylist()]
        finished.lake.write(partition, unit_id, get_stage("labels").table.from_rows(rows))
    for name in finished.lake.done(plan_partition(finished)):
        finished.lake.discard(plan_partition(finished), name)
    assert next_plan(finished).equals(first)


def test_another_reference_makes_other_plans_and_the_old_ones_retire(finished):
    old = set(finished.lake.done(plan_partition(finished)))
    singles = [f"{i}-n1" for i in IDS]
    times = [
        finished.lake.path(finished.partition("degradations"), u).stat().st_mtime_ns
        for u in singles
    ]
    add_references(finished, ["ffff-0"])
    play(finished)
    new = set(finished.lake.done(plan_partition(finished)))
    assert new
    assert not new & old
    wanted = {u.unit_id for u in list_units(finished)}
    assert set(finished.lake.done(finished.partition("degradations"))) == wanted
    assert set(finished.lake.done(finished.partition("labels"))) == wanted
    assert times == [
        finished.lake.path(finished.partition("degradations"), u).stat().st_mtime_ns
        for u in singles
    ]


def test_a_round_that_is_refused_costs_its_reference_that_round_alone(home):
    ids = [*IDS, f"{REFUSED}-0"]
    context = world(home, ids)
    report = play(context)
    made = [plan for plan in plans_of(context) if plan.num_rows]
    assert len(made) >= 2
    assert all(set(plan["excerpt_id"].to_pylist()) == set(ids) for plan in made)
    assert report.quarantined == len(made)
    refused = [
        set(
            plan.filter([e == ids[-1] for e in plan["excerpt_id"].to_pylist()])[
                "process"
            ].to_pylist()
        )
        for plan in made
    ]
    assert not refused[0] & refused[1]  # what was refused is not tried again


def test_a_catalog_without_references_has_no_rounds(home):
    context = world(home, [])
    assert play(context).units == 0
    assert context.lake.done(plan_partition(context)) == []


def test_what_reads_by_unit_finds_every_round(finished):
    joint = Context(finished.home, finished.preset, None, finished.fingerprints)
    by_excerpt = units_by_excerpt(joint, "songs")
    assert sorted(by_excerpt) == IDS
    assert sum(map(len, by_excerpt.values())) == len(list_units(finished))


def test_the_view_shows_the_plans(finished):
    fields = dict.fromkeys(("tracks",), "t" * 32)
    publish(dataclasses.replace(finished, fingerprints={**fields, **finished.fingerprints}), [])
    rows = query(finished.home, "SELECT * FROM tiny.rounds ORDER BY ALL")
    assert rows.height == sum(plan.num_rows for plan in plans_of(finished))
    assert set(rows["catalog"]) == {"songs"}


def test_what_can_change_a_label_changes_what_is_made_only_while_the_mode_is_on(home, monkeypatch):
    def fingerprint(preset):
        return with_fingerprints(Context(home, preset, "songs", {})).fingerprints["degradations"]

    from musqa_pipeline.stages.labels import stage

    on, off = world(home, []).preset, Preset(name="p")
    before = fingerprint(on), fingerprint(off)
    newer = dataclasses.replace(stage.LABELS_MAKER, version=stage.LABELS_MAKER.version + 1)
    monkeypatch.setattr(stage, "LABELS_MAKER", newer)
    assert fingerprint(on) != before[0]
    assert fingerprint(off) == before[1]


def test_a_plan_is_named_after_its_round_and_all_references():
    assert plan_id(1, ["a", "b"]) == plan_id(1, ["b", "a"])
    assert len({plan_id(1, ["a", "b"]), plan_id(2, ["a", "b"]), plan_id(1, ["a"])}) == 3
