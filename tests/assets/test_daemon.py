"""From a dropped folder to a new report: the real daemon, nothing started by hand."""

from __future__ import annotations

import itertools
import shutil
import time

import pytest
import soundfile

from musqa_pipeline.catalogs.known import list_catalogs
from musqa_pipeline.stages.views.duck import query
from tests.assets.checkout import ROOT, Checkout, compose
from tests.assets.daemon import Daemon

PRESET = """
[degradations]
singles = [3, 42]
n_cascades = 1
[dataset]
size = 12
n_bins = 3
natural_rows = 6
[spectrograms]
rows_per_group = 1
rows_per_shard = 2
[models]
batch_size = 4
max_epochs = 1
learning_rate = 1e-4
[protocols.repetitions]
mean = 1
[evaluation]
n_bootstrap = 100
n_worst = 1
"""

PATIENCE_S = 1200
"""A report takes one to four minutes, with the machine to itself or much else on it."""


@pytest.fixture
def checkout(tmp_path):
    """A checkout without any catalog, whose preset sees all that come."""
    root = tmp_path / "checkout"
    root.mkdir()
    for name in ("dagster.yaml", "workspace.yaml", ".env"):
        shutil.copy(ROOT / name, root / name)
    (root / "tiny.toml").write_text(PRESET)
    (root / "data" / "catalogs").mkdir(parents=True)
    return Checkout(root)


@pytest.fixture
def daemon(checkout):
    environment = {
        **checkout.environment,
        "MUSQA_HOME": str(checkout.home),
        "MUSQA_QUIET_S": "2",
        "MUSQA_LOOK_EVERY_S": "3",
    }
    with Daemon(checkout.root, environment) as running:
        yield running


def drop(checkout, name, pieces):
    """Write music aside and move it into `catalogs/`, as somebody who drops a folder."""
    aside = checkout.root / "aside" / name
    aside.mkdir(parents=True)
    lines = ["file,recording,role"]
    for number, index in enumerate(pieces):
        soundfile.write(aside / f"piece {number}.flac", compose(index), 48_000, subtype="PCM_16")
        role = "test" if number % 3 == 0 else "train"
        lines.append(f"piece {number}.flac,song {index},{role}")
    (aside / "tracks.csv").write_text("\n".join(lines) + "\n")
    target = checkout.home / "catalogs" / name
    aside.rename(target)
    return target


def ended(runs):
    return [run for run in runs if run["status"] in ("SUCCESS", "FAILURE", "CANCELED")]


def report_newer_than(checkout, before_ns):
    page = checkout.home / "reports" / "tiny" / "report.html"
    return page.exists() and page.stat().st_mtime_ns > before_ns


@pytest.mark.long
@pytest.mark.timeout(6 * PATIENCE_S)
def test_a_dropped_folder_becomes_a_report_and_only_what_changed_runs_again(checkout, daemon):
    assert daemon.runs() == []

    # A first catalog is dropped: its stages and then the joint ones run by themselves.
    started = time.monotonic()
    first = drop(checkout, "first", range(6))
    daemon.wait_for(lambda: report_newer_than(checkout, 0), PATIENCE_S, "the first report")
    print(f"\nfrom a dropped folder to its report: {time.monotonic() - started:.0f} s")
    daemon.wait_for(
        lambda: len(ended(daemon.joint_runs())) == 1, PATIENCE_S, "the joint run to end"
    )
    assert [run["status"] for run in daemon.runs()] == ["SUCCESS", "SUCCESS"]
    assert daemon.partitions() == ["first"]
    assert query(checkout.home, "SELECT count(*) AS n FROM tracks")["n"][0] == 6

    # A broken catalog and a good one: the broken one is named and holds nobody up.
    before_ns = time.time_ns()
    broken = drop(checkout, "broken", range(6, 8))
    (broken / "tracks.csv").write_text("file,role\npiece 0.flac,guest\n")
    drop(checkout, "third", range(8, 11))
    daemon.wait_for(lambda: report_newer_than(checkout, before_ns), PATIENCE_S, "the second report")
    daemon.wait_for(
        lambda: len(ended(daemon.joint_runs())) == 2, PATIENCE_S, "the joint run to end"
    )
    assert daemon.catalog_runs("broken") == []
    assert daemon.partitions() == ["first", "third"]
    said = " ".join(str(tick["skipReason"]) for tick in daemon.ticks("arrivals"))
    assert "broken: refused" in said
    assert "guest" in said
    assert len(daemon.catalog_runs("first")) == 1  # it did not change
    seen = query(checkout.home, "SELECT DISTINCT catalog FROM dataset ORDER BY 1")
    assert seen["catalog"].to_list() == ["first", "third"]

    # A changed file of one catalog: that catalog alone runs again, and the report is renewed.
    before_ns = time.time_ns()
    tracks_before = query(
        checkout.home, "SELECT track_id, file FROM tracks WHERE catalog = 'first'"
    )
    soundfile.write(first / "piece 1.flac", compose(17), 48_000, subtype="PCM_16")
    daemon.wait_for(lambda: report_newer_than(checkout, before_ns), PATIENCE_S, "the third report")
    daemon.wait_for(
        lambda: len(ended(daemon.joint_runs())) == 3, PATIENCE_S, "the joint run to end"
    )
    assert len(daemon.catalog_runs("first")) == 2
    assert len(daemon.catalog_runs("third")) == 1
    tracks = query(checkout.home, "SELECT track_id, file FROM tracks WHERE catalog = 'first'")
    moved = set(tracks.rows()) - set(tracks_before.rows())
    assert [file for _, file in moved] == ["piece 1.flac"]

    # A file that was removed is retired and leaves the set; the broken catalog is mended.
    before_ns = time.time_ns()
    lines = (first / "tracks.csv").read_text().splitlines()
    (first / "tracks.csv").write_text("\n".join(line for line in lines if "piece 2" not in line))
    (first / "piece 2.flac").unlink()
    daemon.wait_for(lambda: report_newer_than(checkout, before_ns), PATIENCE_S, "the fourth report")
    files = query(checkout.home, "SELECT file FROM tracks WHERE catalog = 'first'")
    assert "piece 2.flac" not in files["file"].to_list()
    gone = dict(tracks.select("file", "track_id").rows())["piece 2.flac"]
    left = query(checkout.home, "SELECT DISTINCT track_id FROM dataset")["track_id"].to_list()
    assert left
    assert gone not in left
    (broken / "tracks.csv").write_text("file,role\npiece 0.flac,train\n")
    daemon.wait_for(
        lambda: ended(daemon.catalog_runs("broken")), PATIENCE_S, "the mended catalog to run"
    )
    assert daemon.partitions() == ["broken", "first", "third"]

    # Never two joint runs at a time, none of nothing, none failed.
    runs = daemon.runs()
    assert {run["status"] for run in ended(runs)} == {"SUCCESS"}
    spans = [(run["startTime"], run["endTime"]) for run in ended(daemon.joint_runs())]
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(spans))
    assert {c.name for c in list_catalogs(checkout.home)} == {"broken", "first", "third"}
