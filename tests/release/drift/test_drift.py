"""Records on a lake written by hand, and the page."""

import dataclasses
import shutil

import numpy as np
import pyarrow as pa
import pytest

from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.release.drift.page import publish_drift, render_drift
from musqa_pipeline.release.drift.record import (
    VARIABLES,
    check_drift,
    from_columns,
    read_drift,
    record_drift,
)
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.studies.statistics.distribution_distance import (
    distance,
    threshold,
)
from tests.release.drift.made_up import made_up_records
from tests.stages.evaluation.small_lake import ENTRY, small_lake


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "brightness", ENTRY)
        patch.setitem(MODELS, "late", ENTRY)
        yield small_lake(tmp_path_factory.mktemp("drift") / "home")


@pytest.fixture
def context(made, home):
    shutil.copytree(made.home, home)
    return dataclasses.replace(made, home=home)


def with_labels(context, change):
    """The lake after labels changed, as another metric or other music would change them."""
    partition = context.partition("labels", "music")
    for unit in context.lake.done(partition):
        rows = context.lake.read(partition, unit)
        mos = pa.array(change(rows["mos"].to_numpy()), pa.float64())
        table = rows.set_column(rows.schema.get_field_index("mos"), rows.schema.field("mos"), mos)
        context.lake.write(partition, unit, table.cast(LABELS.schema))
    moved = {**context.fingerprints, "features": "b" * 32}
    after = dataclasses.replace(context, fingerprints=moved)
    for unit in context.lake.done(context.joint_partition("features")):
        table = context.lake.read(context.joint_partition("features"), unit)
        context.lake.write(after.joint_partition("features"), unit, table)
    return after


def test_a_record_has_every_variable_of_every_catalog_with_its_numbers(context):
    rows = record_drift(context)
    assert [row["variable"] for row in rows] == [v.name for v in VARIABLES]
    assert {row["seen_catalog"] for row in rows} == {"music"}
    mos = rows[0]
    assert (mos["variable"], mos["n_rows"], mos["n_recordings"]) == ("mos", 30, 10)
    labels = context.lake.scan(context.partition("labels", "music"), LABELS.schema)[
        "mos"
    ].to_numpy()
    assert mos["mean"] == pytest.approx(labels.mean())
    assert mos["sd"] == pytest.approx(labels.std())
    assert not any(row["moved_from_last"] or row["moved_from_first"] for row in rows)
    assert mos["distance_from_last"] is None


def test_the_same_rows_are_recorded_once(context):
    assert len(record_drift(context)) == len(record_drift(context)) == len(VARIABLES)


def test_labels_that_moved_are_found_and_nothing_else(context):
    record_drift(context)
    assert check_drift(context).passed
    after = with_labels(context, lambda mos: np.maximum(1.0, mos - 1.0))
    rows = record_drift(after)
    assert [row["number"] for row in rows] == [1] * len(VARIABLES) + [2] * len(VARIABLES)
    moved = [row["variable"] for row in rows if row["moved_from_last"]]
    assert moved == ["mos"]
    mos = next(row for row in rows if row["number"] == 2 and row["variable"] == "mos")
    assert mos["distance_from_last"] == mos["distance_from_first"]
    assert mos["distance_from_last"] == pytest.approx(0.9, abs=0.15)
    result = check_drift(after)
    assert not result.passed
    assert result.claim == "mos of music moved since the record before"
    assert (result.numbers["records"], result.numbers["moved_from_last"]) == (2, 1)
    stored = [row for row in read_drift(after) if row["variable"] == "mos"]
    far, chance = (f(*map(from_columns, stored)) for f in (distance, threshold))
    assert mos["distance_from_last"] == pytest.approx(far, rel=1e-6)
    assert mos["threshold_from_last"] == pytest.approx(chance, rel=1e-6)


def test_the_page_shows_every_variable_and_names_what_moved():
    rows = made_up_records(9, variables=VARIABLES[:3])
    page = render_drift("made_up", rows)
    assert page == render_drift("made_up", rows)
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "classical, field recordings, rock" in page
    assert "those with the most recordings are drawn" not in page
    newest = [row for row in rows if row["number"] == 9]
    assert page.count('class="moved"') == sum(
        row["moved_from_first"] + row["moved_from_last"] for row in newest
    )
    fallen = next(r for r in newest if (r["seen_catalog"], r["variable"]) == ("rock", "mos"))
    assert fallen["moved_from_first"]
    assert not fallen["moved_from_last"]


def test_of_many_catalogs_the_largest_are_drawn_and_the_page_says_so():
    row = made_up_records(1, variables=VARIABLES[:1])[0]
    rows = [{**row, "seen_catalog": f"c{n}", "n_recordings": n} for n in range(20, 26)]
    page = render_drift("made_up", [*rows, {**row, "seen_catalog": "*", "n_recordings": 99}])
    assert "Of 6 catalogs those with the most recordings are drawn" in page
    drawn = page[page.index("<svg") : page.index("</svg>")]
    assert "all together" in drawn
    assert ">c25<" in drawn
    assert ">c20<" not in drawn


def test_the_page_lies_beside_the_report(context, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.release.drift.page.VARIABLES", VARIABLES[:1])
    assert publish_drift(context) == "reports/small/drift.html"
    assert "1 record from" in (context.home / "reports/small/drift.html").read_text()
