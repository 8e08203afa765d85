"""The whole graph, run once as a user would: what it says, what it stores, what Dagster knows."""

from __future__ import annotations

import json

import dagster as dg
import polars as pl
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.rows import CATALOG_STAGES, ROWS, STAGE_NAMES
from musqa_pipeline.stages.views.duck import VIEWS, query


@pytest.fixture
def instance(finished, monkeypatch):
    """The Dagster instance of the finished checkout."""
    monkeypatch.chdir(finished.root)
    monkeypatch.setenv("DAGSTER_HOME", str(finished.root))
    monkeypatch.setenv("MUSQA_HOME", str(finished.home))  # each has a history of its own
    with dg.DagsterInstance.get() as found:
        yield found


def test_a_run_reports_every_stage_as_json(finished):
    reports = [json.loads(line) for line in finished.first_run.stdout.splitlines()]
    order = [report["stage"] for report in reports]
    assert order[: len(CATALOG_STAGES)] == list(CATALOG_STAGES)
    assert sorted(order) == sorted(STAGE_NAMES)
    for row in ROWS:
        assert all(
            order.index(name) < order.index(row.name) for name in (*row.upstream, *row.reads)
        )
    by_stage = {report["stage"]: report for report in reports}
    assert by_stage["tracks"]["rows"] == by_stage["tracks"]["row_count"] == 6
    assert by_stage["degradations"]["rows"] == by_stage["labels"]["rows"] == 6 * 3
    assert all(report["catalog"] == "tiny" for report in reports[:4])
    assert "promotion_number" in by_stage["evaluation"]


UNASKED = {
    "segments", "gains", "gans", "gan_scores", "autoencoders", "reconstructions", "genres", "pairs",
    "nisqa_mels", "waveforms", "pretrainings", "release",
}  # fmt: skip
"""What the preset does not ask for."""


def test_every_view_has_rows_and_no_null_where_none_is_allowed(finished):
    empty = {"quarantine", "rounds", "withheld"} | UNASKED
    for name, table in VIEWS.items():
        rows = query(finished.home, f"SELECT * FROM tiny.{name}")
        assert (rows.height > 0) == (name not in empty), name
        for column in table.columns:
            assert column.nullable or rows[column.name].null_count() == 0, (name, column.name)


def test_another_process_queried_every_view_throughout_the_run(finished):
    output, errors = finished.reader_output
    assert errors == ""
    seen = json.loads(output)
    assert seen.keys() == VIEWS.keys()
    for name, counts in seen.items():
        assert len(counts) > 5, name
        assert counts == sorted(counts), name  # rows come, none goes
    growing = [name for name, counts in seen.items() if 0 < counts[-1] != counts[0]]
    assert {"excerpts", "degradations", "labels", "dataset"} <= set(growing)


def test_the_tables_join_on_their_keys(finished):
    joined = query(
        finished.home,
        "SELECT count(*) AS n FROM dataset JOIN labels USING (catalog, degraded_id) "
        "JOIN degradations USING (catalog, degraded_id) JOIN spectrograms USING (catalog, "
        "degraded_id) JOIN tracks USING (catalog, track_id)",
    )
    assert joined["n"][0] == query(finished.home, "SELECT count(*) AS n FROM dataset")["n"][0] > 0


def test_labels_have_the_order_that_the_processes_impose(finished):
    mos = query(
        finished.home,
        "SELECT process, avg(mos) AS mos FROM labels JOIN degradations USING (degraded_id) "
        "WHERE kind = 'single' GROUP BY 1",
    )
    by_process = dict(mos.rows())
    assert by_process["42"] < 3.0  # low-pass at 3.5 kHz
    assert min(by_process.values()) >= 1.0
    assert max(by_process.values()) < 4.75


def test_a_second_run_makes_nothing_and_gives_the_same_views(finished):
    before = query(finished.home, "SELECT * FROM evaluations ORDER BY ALL")
    again = finished.musqa("run", "--preset", "tiny.toml", "--json")
    reports = [json.loads(line) for line in again.stdout.splitlines()]
    made = {report["stage"]: report["made"] for report in reports}
    assert made == dict.fromkeys(STAGE_NAMES, 0)
    assert query(finished.home, "SELECT * FROM evaluations ORDER BY ALL").equals(before)


def test_the_runs_show_in_dagsters_list_as_successes(finished, instance):
    runs = instance.get_runs()
    assert {run.job_name for run in runs} >= {"catalog_job", "joint_job"}
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    assert instance.get_dynamic_partitions("catalogs") == ["tiny"]


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_an_asset_shows_rows_schema_preview_and_fingerprint(finished, instance, stage):
    event = instance.get_latest_materialization_event(dg.AssetKey(stage))
    metadata = event.asset_materialization.metadata
    names = [column.name for column in metadata["dagster/column_schema"].value.columns]
    views = {"models": "runs", "evaluation": "evaluations", "pretraining": "pretrainings"}
    view = views.get(stage, stage)
    assert (metadata["dagster/row_count"].value > 0) == (view not in UNASKED)
    table = VIEWS[view]
    assert names[: len(table.columns)] == [column.name for column in table.columns]
    assert metadata["preview"].value.count("\n") >= (
        2 if metadata["dagster/row_count"].value else 1
    )
    assert len(metadata["fingerprint"].value) == 32
    if stage in {"labels", "dataset", "opinions", "spectrograms", "models", "evaluation"}:
        assert metadata["picture"].value.startswith("![picture](data:image/png;base64,")
        assert len(metadata["picture"].value) < 150_000


def test_the_second_opinion_is_an_asset_of_its_own(finished, instance):
    chosen, asked = (
        instance.get_latest_materialization_event(dg.AssetKey(name)).asset_materialization.metadata
        for name in ("dataset", "opinions")
    )
    assert asked["dagster/row_count"].value == chosen["dagster/row_count"].value > 0
    assert asked["picture"].value != chosen["picture"].value


def test_pages_beside_the_stages_say_what_they_made(finished, instance):
    for name, page in (("drift", "drift.html"), ("costs", "costs.html")):
        event = instance.get_latest_materialization_event(dg.AssetKey(name))
        assert event.asset_materialization.metadata["page"].value.endswith(f"tiny/{page}")
        assert (finished.home / "reports" / "tiny" / page).is_file()
    decided = instance.get_latest_materialization_event(dg.AssetKey("promotion"))
    assert decided.asset_materialization.metadata["promotion"].value


def test_a_failed_promotion_fails_promotion_alone(finished, monkeypatch):
    from assets.resources import MusqaResource
    from assets.stages import evaluation as reports

    def fail(place):
        raise StageError("the champion cannot be read")

    monkeypatch.setenv("MUSQA_HOME", str(finished.home))
    monkeypatch.setattr(reports, "publish_decision", fail)
    result = dg.materialize(
        [reports.evaluation, reports.release, reports.promotion, reports.costs],
        resources={"musqa": MusqaResource(preset_name=str(finished.root / "tiny.toml"))},
        raise_on_error=False,
    )
    assert not result.success
    made = {event.asset_key.path[-1] for event in result.get_asset_materialization_events()}
    assert made == {"evaluation", "release", "costs"}
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "promotion"


def test_each_epoch_of_a_training_is_an_observation_with_its_losses(finished, instance):
    records = instance.fetch_observations(dg.AssetKey("models"), limit=20).records
    seen = [record.asset_observation.metadata for record in records]
    epochs = [metadata for metadata in seen if "epoch" in metadata]  # trials show their progress
    assert sorted(epoch["epoch"].value for epoch in epochs) == [0, 1, 2]
    assert all(epoch["validation_loss"].value >= 0 for epoch in epochs)


def test_progress_of_a_stage_is_an_observation_of_its_partition(finished, instance):
    records = instance.fetch_observations(dg.AssetKey("labels"), limit=100).records
    assert {record.asset_observation.partition for record in records} == {"tiny"}
    last = {k: v.value for k, v in records[0].asset_observation.metadata.items()}
    assert last["units_done"] == last["units_total"] == 6
    assert (last["rows"], last["units_refused"], last["units_failed"]) == (6 * 3, 0, 0)
    assert last["seconds_left"] == 0
    assert last["rows_per_s"] == pytest.approx(18 / last["seconds"], rel=0.1)


def test_every_check_was_evaluated_with_numbers(finished, instance):
    from assets.checks import CHECKS

    for check in CHECKS:
        key = dg.AssetCheckKey(dg.AssetKey(check.asset), check.rule.__name__.removeprefix("check_"))
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        assert evaluation.metadata, key
        assert evaluation.passed or not check.blocking, key


def test_status_says_that_all_is_done(finished):
    lines = finished.musqa("status", "--preset", "tiny.toml", "--json").stdout.splitlines()
    rows = pl.DataFrame([json.loads(line) for line in lines])
    assert rows["stage"].to_list() == list(STAGE_NAMES)  # those beside the eight too
    assert rows["missing"].to_list() == [0] * len(STAGE_NAMES)
    assert (rows["done"] == rows["units"]).all()


def test_the_report_is_one_page_without_the_network(finished):
    path = finished.musqa("report", "--preset", "tiny.toml").stdout.strip()
    page = (finished.home / "reports" / "tiny" / "report.html").read_text()
    assert path.endswith("reports/tiny/report.html")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script src" not in page
    assert "<link" not in page


def test_until_stops_after_the_stage_that_it_names(finished):
    again = finished.musqa("run", "--preset", "tiny.toml", "--until", "excerpts", "--json")
    stages = [json.loads(line)["stage"] for line in again.stdout.splitlines()]
    assert stages == ["tracks", "excerpts"]


def test_a_changed_setting_makes_again_exactly_what_it_touches(finished):
    preset = finished.root / "other.toml"
    preset.write_text('extends = "tiny.toml"\n[dataset]\nseed = 9\n')
    again = finished.musqa("run", "--preset", "other.toml", "--until", "dataset", "--json")
    made = {r["stage"]: r["made"] for r in map(json.loads, again.stdout.splitlines())}
    assert made.pop("opinions") > 0
    made_now = {"splits": 1, "segments": 0, "gains": 0, "dataset": 1}
    assert made == {**dict.fromkeys(CATALOG_STAGES, 0), **made_now}
    counts = query(
        finished.home,
        "SELECT (SELECT count(*) FROM other.dataset), (SELECT count(*) FROM tiny.dataset)",
    )
    assert min(counts.row(0)) > 0
    finished.musqa("run", "--preset", "tiny.toml", "--until", "tracks")  # tiny is `main` again
