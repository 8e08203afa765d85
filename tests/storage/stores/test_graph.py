"""The whole graph on object storage, by the real commands."""

import json
import shutil
import subprocess
import sys

import pytest

from musqa_pipeline.storage.stores.opening import open_store
from tests.assets.checkout import CATALOG, PRESET, ROOT, Checkout, write_music
from tests.storage.stores.conftest import SECRET
from tests.storage.stores.remote_checkout import RemoteCheckout


def remote_checkout(root, music, home):
    root.mkdir()
    for name in ("dagster.yaml", "workspace.yaml", ".env"):
        shutil.copy(ROOT / name, root / name)
    checkout = RemoteCheckout(root, remote_home=home)
    (root / "tiny.toml").write_text(PRESET)
    checkout.musqa("catalog", "add", str(music), "--name", CATALOG)
    return checkout


def rows_of(finished):
    """Read what a command printed with --json, a row a line."""
    return [json.loads(line) for line in finished.stdout.splitlines()]


def units(store):
    """Bytes of all that has no clock in it, by key."""
    stages = ("tracks", "excerpts", "degradations", "labels", "splits", "dataset", "spectrograms")
    return {
        file.key: store.read_bytes(file.key)
        for stage in stages
        for file in store.walk(f"lake/{stage}")
    }


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_graph_on_object_storage_makes_what_it_makes_on_a_disk(storage, remote_home, tmp_path):
    music = write_music(tmp_path / "music")
    remote = remote_checkout(tmp_path / "remote", music, remote_home)
    made = remote.musqa("run", "--preset", "tiny.toml", "--json")
    reports = rows_of(made)
    assert sum(row["made"] for row in reports) > 20
    again = rows_of(remote.musqa("run", "--preset", "tiny.toml", "--json"))
    assert sum(row["made"] for row in again) == 0

    status = rows_of(remote.musqa("status", "--preset", "tiny.toml", "--json"))
    assert all(row["missing"] == 0 for row in status)
    sql = "SELECT count(*) AS n FROM labels JOIN degradations USING (catalog, degraded_id)"
    labels = next(row for row in status if row["stage"] == "labels")
    found = rows_of(remote.musqa("query", sql, "--json"))
    assert found[0]["n"] >= labels["done"] > 0
    views = rows_of(remote.musqa("query", "SHOW ALL TABLES", "--json"))
    assert {"tracks", "evaluations"} <= {row["name"] for row in views}
    where = remote.musqa("report", "--preset", "tiny.toml").stdout.strip()
    assert where == f"{remote_home}/reports/tiny/report.html"

    disk = Checkout.make(tmp_path / "disk", music)
    disk.musqa("run", "--preset", "tiny.toml", "--json")
    here, there = units(open_store(disk.home)), units(open_store(remote_home))
    assert here.keys() == there.keys()
    assert here == there
    assert not (remote.root / "data").exists()
    assert not list(remote.root.rglob("s3:*"))
    for text in (made.stdout, made.stderr, *(p.read_bytes() for p in remote.root.rglob("*.db"))):
        assert SECRET not in (text if isinstance(text, str) else text.decode("latin-1"))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_demo_runs_on_object_storage(storage, remote_home, tmp_path):
    root = tmp_path / "checkout"
    root.mkdir()
    for name in ("dagster.yaml", "workspace.yaml", ".env"):
        shutil.copy(ROOT / name, root / name)
    remote = RemoteCheckout(root, remote_home=remote_home)
    with subprocess.Popen(
        [sys.executable, "-m", "musqa_pipeline.cli", "demo"],
        cwd=root,
        env=remote.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        said = run.communicate(timeout=3000)[0]
    assert run.returncode == 0
    assert f"{remote_home}/reports/demo/report.html" in said
    assert b"</html>" in open_store(remote_home).read_bytes("reports/demo/report.html")
