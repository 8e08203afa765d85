"""A catalog whose labels fail a check: its rows stay out of the set until they pass."""

import contextlib
import json
import shutil

import dagster as dg
import pyarrow as pa
import pytest

from assets import automation, launch
from assets.launch import assets_until
from musqa_pipeline.cli import factory
from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.core.errors import CheckFailedError, StageError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.dataset.inputs import joint_inputs, read_labelled_rows, read_seen_tracks
from musqa_pipeline.stages.engine.catalog_choice import drawn_catalogs
from musqa_pipeline.stages.engine.exclusions import note_verdict, withheld_catalogs
from musqa_pipeline.stages.graph import seen_context
from musqa_pipeline.stages.views.duck import query
from tests.assets.checkout import CATALOG, Checkout

FAILED = CheckResult(False, "3 labels above 5")
PASSED = CheckResult(True, "labels lie in 1 to 5")


@pytest.fixture
def checkout(finished, tmp_path):
    """A copy of the finished checkout for one test."""
    shutil.copytree(finished.root, tmp_path / "checkout")
    return Checkout(tmp_path / "checkout")


def test_rows_that_fail_a_check_stay_out_until_they_pass(checkout):
    lake, partition = checkout.lake, checkout.context().partition("labels")
    inputs = joint_inputs(seen_context(checkout.home, checkout.preset))
    unit = lake.done(partition)[0]
    path, labels = lake.path(partition, unit), lake.read(partition, unit)
    content = path.read_bytes()
    wrong = pa.array([9.0] * len(labels), labels.schema.field("mos").type)
    place = labels.schema.get_field_index("mos")
    lake.write(partition, unit, labels.set_column(place, labels.schema.field("mos"), wrong))

    command = ("run", "--preset", "tiny.toml", "--until", "dataset", "--json")
    failed = checkout.musqa(*command, check=False)
    assert failed.returncode == 1
    assert "check range failed" in failed.stderr
    (row,) = query(checkout.home, "SELECT * FROM withheld").to_dicts()
    assert (row["withheld_catalog"], row["stage"], row["check_name"]) == (
        CATALOG,
        "labels",
        "range",
    )
    assert row["reason"] in failed.stderr
    told = checkout.musqa("status", "--preset", "tiny.toml").stderr
    assert "tiny is kept out of the set: check range of labels failed: " in told
    with pytest.raises(StageError, match=r"every catalog of preset tiny is kept out: tiny \(check"):
        read_labelled_rows(checkout.context(joint=True))

    path.write_bytes(content)
    made = [json.loads(line)["made"] for line in checkout.musqa(*command).stdout.splitlines()]
    assert made == [0] * len(assets_until("dataset"))
    assert query(checkout.home, "SELECT * FROM withheld").is_empty()
    assert joint_inputs(seen_context(checkout.home, checkout.preset)) == inputs


def test_a_failure_counts_while_what_it_judged_is_in_force(checkout):
    context = checkout.context()
    note_verdict(context, "labels", "range", FAILED)
    note_verdict(context, "excerpts", "loudness", FAILED)
    seen = seen_context(checkout.home, checkout.preset)
    assert withheld_catalogs(seen) == {
        CATALOG: "check loudness of excerpts failed: 3 labels above 5"
    }
    assert drawn_catalogs(seen) == []
    other = parse_preset("tiny", {"catalogs": [CATALOG], "excerpts": {"n_per_track": 2}})
    assert drawn_catalogs(seen_context(checkout.home, other)) == [CATALOG]
    note_verdict(context, "excerpts", "loudness", PASSED)
    assert withheld_catalogs(seen)[CATALOG].startswith("check range of labels failed")
    note_verdict(context, "labels", "range", PASSED)
    note_verdict(context, "labels", "range", PASSED)
    assert drawn_catalogs(seen) == [CATALOG]
    assert read_seen_tracks(seen).height == 6


def test_the_condition_of_the_joint_stages_notices(checkout, monkeypatch):
    monkeypatch.setenv("MUSQA_HOME", str(checkout.home))
    with dg.DagsterInstance.ephemeral() as instance:
        before = automation.upstream_mark(instance, checkout.preset)
        note_verdict(checkout.context(), "labels", "range", FAILED)
        assert automation.upstream_mark(instance, checkout.preset) != before
        note_verdict(checkout.context(), "labels", "range", PASSED)
        assert automation.upstream_mark(instance, checkout.preset) == before


def test_the_others_go_on_and_the_command_fails_at_the_end(checkout, monkeypatch, music, tmp_path):
    shutil.copytree(music, tmp_path / "good")
    checkout.musqa("catalog", "add", str(tmp_path / "good"))
    launched = []

    def execute(definitions, instance, job, stages, catalog):
        launched.append(catalog)
        if catalog == CATALOG:
            raise CheckFailedError("check range failed: 3 labels above 5")
        return [{"stage": stage, "catalog": catalog} for stage in stages]

    monkeypatch.setenv("MUSQA_HOME", str(checkout.home))
    monkeypatch.setattr(launch, "_execute", execute)
    ephemeral = contextlib.nullcontext(dg.DagsterInstance.ephemeral())
    monkeypatch.setattr(launch, "project_instance", lambda: ephemeral)
    reports = launch.run(str(checkout.root / "tiny.toml"), [CATALOG, "good"], until="dataset")
    assert launched == [CATALOG, "good", None]
    assert [r["stage"] for r in reports if r["catalog"] == "good"] == [
        "tracks", "excerpts", "degradations", "labels",
    ]  # fmt: skip
    assert reports[0] == {
        "stage": "checks", "catalog": CATALOG, "failed": "check range failed: 3 labels above 5",
    }  # fmt: skip

    monkeypatch.setattr(launch, "run", lambda *a, **k: reports)
    with pytest.raises(CheckFailedError, match="kept out of the set: tiny: check range failed"):
        factory.run(str(checkout.root / "tiny.toml"), [CATALOG], as_json=True)
