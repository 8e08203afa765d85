"""What a run of a stage leaves behind, and what is made of it."""

import json
import logging

import pytest
import typer
from typer.testing import CliRunner

from musqa_pipeline.cli.upkeep import costs
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.operations.costs.page import render_costs
from musqa_pipeline.operations.costs.summary import over_time, read_runs, sum_up, totals
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.storage.lake.lake import Lake
from tests.operations.costs.made_up import made_up_runs
from tests.stages.engine.toy_stage import TOY, toy_context


@pytest.fixture(autouse=True)
def _listening():
    """Let the log be heard, as `musqa` itself does not pass it on."""
    logging.getLogger("musqa_pipeline").propagate = True


def size_of(context, unit):
    return context.lake.path(TOY.partition(context), unit).stat().st_size


def test_a_run_says_what_it_made_and_what_that_weighs(home):
    context = toy_context(home, "1 2 13")
    report = run_stage(TOY, context, fanout=LocalPool(2))
    [row] = read_runs(context).to_dicts()
    assert (row["stage"], row["run_catalog"], row["preset"]) == ("labels", "toys", "toy")
    assert (row["units"], row["made"], row["rows"], row["quarantined"]) == (3, 3, 2, 1)
    assert (row["failed"], row["retired"], row["workers"]) == (0, 0, 2)
    assert row["fingerprint"] == "a" * 32
    assert (row["wall_s"], row["cpu_s"]) == (report.seconds, report.cpu_seconds)
    assert (
        row["written_bytes"]
        == row["shelf_bytes"]
        == sum(size_of(context, unit) for unit in ("u1", "u2", "u13"))
    )
    versions = json.loads(row["versions_json"])
    assert versions["numpy"] == tool_version("numpy")
    assert versions["musqa-pipeline"] == tool_version("musqa-pipeline")


def test_runs_add_up_and_those_with_nothing_to_do_write_nothing(home):
    context = toy_context(home, "1 2")
    run_stage(TOY, context)
    run_stage(TOY, context)
    toy_context(home, "2 3 4")
    run_stage(TOY, context)
    runs = read_runs(context).sort("units", "made")
    assert runs["made"].to_list() == [0, 2, 2]
    assert runs["retired"].to_list() == [0, 0, 1]
    assert runs["workers"].to_list() == [1, 1, 1]
    assert runs["written_bytes"].to_list()[0] == 0
    now = sum(size_of(context, unit) for unit in ("u2", "u3", "u4"))
    [row] = sum_up(read_runs(context).sort("retired"))
    assert (row["runs"], row["idle"], row["made"], row["rows"]) == (3, 1, 4, 4)
    assert row["shelf_bytes"] == now
    assert row["cpu_s_per_row"] == pytest.approx(row["cpu_s"] / 4)


def test_a_run_that_ends_with_an_error_is_recorded_too(home):
    context = toy_context(home, "1 404")
    with pytest.raises(StageError):
        run_stage(TOY, context)
    [row] = read_runs(context).to_dicts()
    assert (row["made"], row["failed"], row["rows"]) == (2, 1, 1)


def test_a_record_that_cannot_be_written_warns_and_fails_nothing(home, monkeypatch, caplog):
    context, write = toy_context(home, "1"), Lake.write

    def full(self, partition, *arguments, **options):
        if partition.stage == "stage_runs":
            raise OSError(28, "No space left on device")
        return write(self, partition, *arguments, **options)

    monkeypatch.setattr(Lake, "write", full)
    assert run_stage(TOY, context).made == 1
    assert read_runs(context).is_empty()
    [warning] = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warning == (
        "labels: what this run cost could not be recorded ([Errno 28] No space left on device); "
        "the run itself is not touched by it"
    )


def test_series_follow_the_graph_and_sizes_are_of_all_catalogs():
    series = over_time(made_up_runs(2))
    assert list(series) == ["tracks", "labels", "dataset"]
    assert series["tracks"]["size_bytes"].to_list() == [1e7, 2e7, 3e7, 4e7]
    so_far_s = (3600 * series["tracks"]["cpu_h"]).to_list()
    assert so_far_s == pytest.approx([50.0, 70.0, 120.0, 140.0])
    assert totals(made_up_runs(2))["shelf_bytes"] == 4 * 2e7


def test_the_page_holds_all_and_asks_no_other_host():
    page = render_costs("made_up", made_up_runs())
    assert page.count("<svg") == 4
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "<b>8.0 h</b>" in page  # of CPU time
    assert "6 with nothing to do" in page


def test_the_command_shows_sums_and_where_the_page_is(home):
    app = typer.Typer()
    app.command()(costs)
    context = toy_context(home, "1 2")
    run_stage(TOY, context)
    preset = home / "toy.toml"
    preset.write_text("")
    shown = CliRunner().invoke(app, ["--preset", str(preset)], catch_exceptions=False)
    assert "labels" in shown.stdout
    assert (home / "reports" / "toy" / "costs.html").read_text().count("<svg") == 4
    told = CliRunner().invoke(app, ["--preset", str(preset), "--json"])
    assert json.loads(told.stdout)["made"] == 2
    other = home / "other.toml"
    other.write_text("")
    said = CliRunner().invoke(app, ["--preset", str(other)])
    assert "no run of preset other is recorded yet" in said.stdout
