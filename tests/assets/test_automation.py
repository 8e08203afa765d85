"""What starts by itself, evaluated without a daemon on an instance in memory."""

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import typer
import yaml
from typer.testing import CliRunner

from assets import automation, failures, resources, upkeep
from assets.automation import arrivals, joint_automation, weekly_catalogs, weekly_report
from assets.definitions import defs
from assets.jobs import JOINT_TAG
from assets.launch import PAGES
from assets.partitions import catalogs
from assets.reaping import PROCESS_TAG, process_tag, reap_dead_runs
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.cli import automation as automation_commands
from musqa_pipeline.core.errors import CatalogError, MachineError, StageError
from musqa_pipeline.core.files import explained
from musqa_pipeline.operations.discovery.decision import CatalogState
from musqa_pipeline.operations.discovery.look import JointState, Look, Sighting
from musqa_pipeline.stages.rows import JOINT_STAGES
from tests import ROOT

MONDAY = datetime.datetime(2026, 11, 23, 3, tzinfo=datetime.UTC)

JOINT_ASSETS = {*JOINT_STAGES, *PAGES}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A home without catalogs and a preset that sees all."""
    (tmp_path / "mine.toml").write_text("")
    home = tmp_path / "home"
    (home / "catalogs").mkdir(parents=True)
    monkeypatch.setenv("MUSQA_HOME", str(home))
    monkeypatch.setenv("MUSQA_PRESET", str(tmp_path / "mine.toml"))
    monkeypatch.setenv("MUSQA_QUIET_S", "0")
    monkeypatch.delenv("MUSQA_WATCH", raising=False)
    return home


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def stored():
    """An instance on disk, which schedules ask for."""
    with dg.instance_for_test() as found:
        yield found


def drop(place, name, csv=None):
    folder = place / "catalogs" / name
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"RIFF")
    if csv:
        (folder / "tracks.csv").write_text(csv)
    return folder


def tick(instance, cursor=None):
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, definitions=defs, sensor_name="arrivals"
    )
    result = arrivals(context)
    if result.dynamic_partitions_requests:
        for request in result.dynamic_partitions_requests:
            instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
    return result


def test_all_of_it_is_on_by_default():
    repository = defs.get_repository_def()
    sensors = {s.name: s.default_status for s in repository.sensor_defs}
    schedules = {s.name: s.default_status for s in repository.schedule_defs}
    assert sensors == dict.fromkeys(
        ["arrivals", "joint_automation"], dg.DefaultSensorStatus.RUNNING
    )
    assert schedules == dict.fromkeys(
        ["weekly_catalogs", "weekly_report"], dg.DefaultScheduleStatus.RUNNING
    )
    with_condition = {
        key.path[-1]
        for key in repository.asset_graph.get_all_asset_keys()
        if repository.asset_graph.get(key).automation_condition
    }
    assert with_condition == JOINT_ASSETS


def test_a_dropped_folder_becomes_a_partition_and_one_request(place, instance):
    drop(place, "jazz")
    first = tick(instance)
    (request,) = first.run_requests
    assert request.partition_key == "jazz"
    assert instance.get_dynamic_partitions(str(catalogs.name)) == ["jazz"]
    second = tick(instance, first.cursor)
    assert not second.run_requests
    assert not second.dynamic_partitions_requests
    (place / "catalogs" / "jazz" / "a.wav").write_bytes(b"RIFF2")
    third = tick(instance, second.cursor)
    assert [r.partition_key for r in third.run_requests] == ["jazz"]
    assert third.run_requests[0].run_key != request.run_key


def test_a_catalog_that_is_all_done_becomes_a_partition_without_a_run(place, instance, monkeypatch):
    done = Sighting("jazz", "there", CatalogState.KNOWN, "2 audio files, all done before")
    monkeypatch.setattr(automation, "look_now", lambda memory: Look((done,), {}))
    found = tick(instance)
    assert not found.run_requests
    assert instance.get_dynamic_partitions(str(catalogs.name)) == ["jazz"]


def test_a_broken_catalog_is_said_in_the_tick_and_on_the_asset_and_blocks_nobody(place, instance):
    drop(place, "bad", csv="recording\nx\n")
    first = tick(instance)
    assert not first.run_requests
    assert "bad: refused: " in first.skip_reason.skip_message
    assert "has no column 'file'" in first.skip_reason.skip_message
    (event,) = first.asset_events
    assert event.asset_key == dg.AssetKey("tracks")
    assert event.partition == "bad"
    assert "has no column 'file'" in event.metadata["reason"].value
    drop(place, "good")
    second = tick(instance, first.cursor)
    assert [r.partition_key for r in second.run_requests] == ["good"]
    assert not second.asset_events  # it is no news
    (place / "catalogs" / "bad" / "tracks.csv").write_text("file\na.wav\n")
    third = tick(instance, second.cursor)
    assert [r.partition_key for r in third.run_requests] == ["bad"]


def test_a_wrong_watch_list_fails_the_tick_with_its_sentence(place, instance, monkeypatch):
    monkeypatch.setenv("MUSQA_QUIET_S", "soon")
    with pytest.raises(Exception, match="MUSQA_QUIET_S='soon': expected seconds"):
        tick(instance)


def test_the_weekly_schedule_asks_for_every_catalog_whatever_was_asked_before(place, stored):
    drop(place, "jazz")
    tick(stored)
    context = dg.build_schedule_context(instance=stored, scheduled_execution_time=MONDAY)
    (request,) = weekly_catalogs(context)
    assert request.partition_key == "jazz"
    assert request.run_key.startswith("2026-W48-jazz-")


class Moves:
    """Stands for the lake: what the joint stages would make now."""

    def __init__(self, monkeypatch):
        self.state = None
        monkeypatch.setattr(automation, "joint_state", lambda home, preset: self.now())
        monkeypatch.setattr(automation, "upstream_mark", lambda instance, preset: str(self.state))

    def now(self):
        if isinstance(self.state, Exception):
            raise self.state
        return self.state


def evaluate(instance, cursor=None):
    """One look of the joint automation: the stages that it asks for, and its cursor."""
    result = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)
    asked = {key.path[-1] for key in _requested(result)}
    return asked, result.cursor


def _requested(result):
    return [r.key for r in result.results if not r.true_subset.is_empty]


def test_joint_stages_are_asked_for_together_once_what_they_see_has_moved(
    place, instance, monkeypatch
):
    lake = Moves(monkeypatch)
    asked, cursor = evaluate(instance)
    assert asked == set()  # no labels yet
    lake.state = JointState("aa", is_done=False)
    asked, cursor = evaluate(instance, cursor)
    assert asked == JOINT_ASSETS
    asked, cursor = evaluate(instance, cursor)
    assert asked == set()  # asked for already, whether or not that run will succeed
    lake.state = JointState("bb", is_done=False)
    asked, cursor = evaluate(instance, cursor)
    assert asked == JOINT_ASSETS
    lake.state = JointState("cc", is_done=True)
    asked, cursor = evaluate(instance, cursor)
    assert asked == set()  # somebody made it by hand
    lake.state = CatalogError("half there")
    assert evaluate(instance, cursor)[0] == set()


def test_the_lake_is_read_only_when_something_ran_or_a_catalog_or_a_setting_changed(
    place, instance, monkeypatch
):
    reads = []
    monkeypatch.setattr(automation, "joint_state", lambda home, preset: reads.append(preset.name))
    _, cursor = evaluate(instance)
    _, cursor = evaluate(instance, cursor)
    assert len(reads) == 1
    event = dg.AssetMaterialization("labels", partition="jazz")
    instance.report_runless_asset_event(event)
    _, cursor = evaluate(instance, cursor)
    _, cursor = evaluate(instance, cursor)
    assert len(reads) == 2
    drop(place, "jazz")
    add_catalog(place, place / "catalogs" / "jazz")
    _, cursor = evaluate(instance, cursor)
    assert len(reads) == 3
    Path(os.environ["MUSQA_PRESET"]).write_text("[models]\nmax_epochs = 3\n")
    evaluate(instance, cursor)
    assert len(reads) == 4


def test_a_catalog_under_way_is_waited_for_and_then_the_request_comes(place, instance, monkeypatch):
    lake = Moves(monkeypatch)
    _, cursor = evaluate(instance)
    instance.add_dynamic_partitions(str(catalogs.name), ["jazz"])
    run = instance.create_run_for_job(
        defs.resolve_job_def("catalog_job"),
        tags={"dagster/partition": "jazz"},
        status=dg.DagsterRunStatus.STARTED,
    )
    lake.state = JointState("aa", is_done=False)
    asked, cursor = evaluate(instance, cursor)
    assert asked == set()
    instance.report_run_failed(run)  # a broken catalog holds nobody up
    asked, cursor = evaluate(instance, cursor)
    assert asked == JOINT_ASSETS


def test_a_joint_run_under_way_is_waited_for(place, instance, monkeypatch):
    lake = Moves(monkeypatch)
    _, cursor = evaluate(instance)
    run = instance.create_run_for_job(
        defs.resolve_job_def("joint_job"), status=dg.DagsterRunStatus.STARTED
    )
    lake.state = JointState("bb", is_done=False)
    asked, cursor = evaluate(instance, cursor)
    assert asked == set()
    instance.report_run_failed(run)
    asked, _ = evaluate(instance, cursor)
    assert asked == JOINT_ASSETS


def test_the_weekly_report_is_asked_for_when_it_is_behind(place, stored, monkeypatch):
    lake = Moves(monkeypatch)

    def ask():
        context = dg.build_schedule_context(instance=stored, scheduled_execution_time=MONDAY)
        return weekly_report(context)

    assert "no catalog of the preset has labels" in ask().skip_message
    lake.state = JointState("aa", is_done=True)
    assert "up to date" in ask().skip_message
    lake.state = JointState("aa", is_done=False)
    assert ask().run_key == "2026-W48-aa"
    stored.create_run_for_job(
        defs.resolve_job_def("joint_job"),
        tags={JOINT_TAG: "yes"},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert "under way" in ask().skip_message


@pytest.mark.parametrize(
    ("error", "from_daemon", "attempts"),
    [
        (MachineError("the scheduler went away"), True, 3),
        (OSError(5, "Input/output error"), True, 3),
        (MachineError("the scheduler went away"), False, 1),  # a person at a terminal is told
        (StageError("no rows"), True, 1),
        (OSError(28, "No space left"), True, 1),
        (ZeroDivisionError("a bug"), True, 1),
    ],
    ids=str,
)
def test_what_passes_is_tried_again_and_what_does_not_is_not(
    place, instance, monkeypatch, error, from_daemon, attempts
):
    monkeypatch.setattr(failures, "FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(failures, "_is_attended", lambda run: not from_daemon)
    seen = []

    @dg.asset
    @failures.supervised()
    def stage(context: dg.AssetExecutionContext) -> None:
        seen.append(context.retry_number)
        if len(seen) < 3:
            with explained("write", place):
                raise error

    result = dg.materialize([stage], instance=instance, raise_on_error=False)
    assert len(seen) == attempts
    assert result.success == (attempts == 3)
    tags = instance.get_run_by_id(result.run_id).tags
    assert tags[PROCESS_TAG] == process_tag()[PROCESS_TAG]


def test_a_failure_shows_its_sentence(instance):
    @dg.asset
    @failures.supervised()
    def stage() -> None:
        raise StageError("labels: 3 of 4 units failed; run again")

    result = dg.materialize([stage], instance=instance, raise_on_error=False)
    (event,) = result.filter_events(lambda e: e.is_step_failure)
    assert "labels: 3 of 4 units failed; run again" in str(event.step_failure_data.error)


def test_runs_whose_process_died_are_reported_and_others_left_alone(instance):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = os.uname().nodename
    tags = {
        "mine": process_tag(),
        "dead": {PROCESS_TAG: f"{host}:{dead.pid}@1.0"},
        "elsewhere": {PROCESS_TAG: "another-host:1@1.0"},
        "odd": {PROCESS_TAG: "nonsense"},
        "young": {},
    }
    job = defs.resolve_job_def("joint_job")
    runs = {
        name: instance.create_run_for_job(job, tags=t, status=dg.DagsterRunStatus.STARTED)
        for name, t in tags.items()
    }
    assert reap_dead_runs(instance) == [runs["dead"].run_id]
    status = {name: instance.get_run_by_id(run.run_id).status for name, run in runs.items()}
    assert status.pop("dead") == dg.DagsterRunStatus.FAILURE
    assert set(status.values()) == {dg.DagsterRunStatus.STARTED}


def test_the_instance_queues_retries_and_watches(tmp_path, monkeypatch):
    """`dagster.yaml` as Dagster understands it, and its variant for Postgres beside it."""
    settings = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    (tmp_path / "dagster.yaml").write_text(json.dumps(settings))
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
        queue = found.get_concurrency_config().run_queue_config
        assert queue.max_concurrent_runs == 2
        limits = {limit["key"]: limit["limit"] for limit in queue.tag_concurrency_limits}
        assert limits == {JOINT_TAG: 1, "dagster/partition": 1}
        assert found.run_retries_enabled
        assert found.run_retries_max_retries == 2
        assert not found.run_retries_retry_on_asset_or_op_failure
        assert found.run_monitoring_enabled
        assert not found.telemetry_enabled
    assert "pools" not in settings["concurrency"]
    assert joint_automation.run_tags == {JOINT_TAG: "yes"}


def test_the_command_shows_what_the_sensor_sees_and_starts_nothing(place, monkeypatch, tmp_path):
    drop(place, "jazz")
    drop(place, "bad name")
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("MUSQA_PROJECT", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(automation_commands.arrivals)
    shown = CliRunner().invoke(app, ["--json"])
    rows = {row["name"]: row for row in map(json.loads, shown.stdout.splitlines())}
    assert rows["jazz"]["verdict"] == "request"
    assert rows["bad name"]["verdict"] == "refused"
    assert "rename the folder" in rows["bad name"]["reason"]
    assert not (place / "catalogs" / "jazz" / "catalog.toml").exists()


def test_old_runs_are_pruned_but_not_the_last_success_nor_what_is_under_way(monkeypatch, tmp_path):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("MUSQA_PROJECT", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    job = defs.resolve_job_def("joint_job")
    status = dg.DagsterRunStatus
    with dg.DagsterInstance.get() as instance:
        made = [
            instance.create_run_for_job(job, status=s).run_id
            for s in (status.SUCCESS, status.FAILURE, status.SUCCESS, status.STARTED)
        ]
    assert upkeep.prune_runs(older_than_days=1) == 0  # all are young
    assert upkeep.prune_runs(older_than_days=-1) == 2
    with dg.DagsterInstance.get() as instance:
        assert {run.run_id for run in instance.get_runs()} == {made[2], made[3]}


def test_joint_stages_of_one_run_see_the_same_though_a_catalog_lands_meanwhile(
    place, instance, monkeypatch
):
    landed = iter(["before", "after", "later"])
    monkeypatch.setattr(resources, "joint_inputs_now", lambda home, preset: next(landed))
    monkeypatch.setattr(resources, "joint_context", lambda home, preset, inputs: inputs)
    seen = []

    @dg.asset
    def first(musqa: resources.MusqaResource) -> None:
        seen.append(musqa.joint_context())

    @dg.asset(deps=[first])
    def second(musqa: resources.MusqaResource) -> None:
        seen.append(musqa.joint_context())

    def run():
        chosen = {"musqa": resources.MusqaResource()}
        return dg.materialize([first, second], instance=instance, resources=chosen)

    one = run()
    assert seen == ["before", "before"]
    assert instance.get_run_by_id(one.run_id).tags[resources.INPUTS_TAG] == "before"
    run()
    assert seen[2:] == ["after", "after"]
