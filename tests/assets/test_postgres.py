"""The instance on PostgreSQL, on a real server that the test starts."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets.definitions import defs
from assets.partitions import catalogs
from tests.assets.checkout import ROOT, Checkout
from tests.assets.daemon import Daemon
from tests.assets.postgres import find_program, plain_url, running_server

pytest.importorskip("dagster_postgres", reason="needs the extra [postgres]")
pytestmark = pytest.mark.skipif(
    find_program("initdb") is None, reason="needs a PostgreSQL server: `make postgres` as root"
)
VARIANT = ROOT / "deploy" / "dagster.postgres.yaml"
WRITER = """
import dagster as dg, sys
with dg.DagsterInstance.get() as instance:
    for i in range(20):
        instance.add_dynamic_partitions("catalogs", [f"{sys.argv[1]}-{i}"])
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout whose instance is the variant for PostgreSQL."""
    root = tmp_path / "checkout"
    root.mkdir()
    shutil.copy(VARIANT, root / "dagster.yaml")
    shutil.copy(ROOT / "workspace.yaml", root / "workspace.yaml")
    (root / "tiny.toml").write_text("")
    (root / "data" / "catalogs").mkdir(parents=True)
    monkeypatch.chdir(root)
    return Checkout(root)


@pytest.fixture
def url(monkeypatch):
    with running_server() as found:
        monkeypatch.setenv("MUSQA_POSTGRES_URL", found)
        yield found


def test_runs_events_partitions_and_ticks_are_rows_of_the_server(checkout, url, monkeypatch):
    import psycopg2

    monkeypatch.setenv("DAGSTER_HOME", str(checkout.root))

    @dg.asset
    def stage() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"rows": 3})

    with dg.DagsterInstance.get() as instance:
        result = dg.materialize([stage], instance=instance)
        instance.add_dynamic_partitions(str(catalogs.name), ["jazz"])
        event = instance.get_latest_materialization_event(dg.AssetKey("stage"))
        assert event.asset_materialization.metadata["rows"].value == 3
    with psycopg2.connect(plain_url(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT run_id, status FROM runs")
        assert cursor.fetchall() == [(result.run_id, "SUCCESS")]
        cursor.execute("SELECT partition FROM dynamic_partitions")
        assert cursor.fetchall() == [("jazz",)]
    assert list(checkout.root.rglob("*.db")) == []  # nothing went into SQLite beside it
    # A second process of the same instance sees them, and two that write do not disturb each other.
    environment = {**checkout.environment, "MUSQA_POSTGRES_URL": url}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name], cwd=ROOT, env=environment)
        for name in ("a", "b")
    ]
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0]
    with dg.DagsterInstance.get() as instance:
        assert len(instance.get_dynamic_partitions(str(catalogs.name))) == 41
        assert [run.run_id for run in instance.get_runs()] == [result.run_id]


@pytest.mark.long
def test_without_the_server_the_log_names_it_and_not_the_password(checkout, monkeypatch, caplog):
    monkeypatch.setenv("DAGSTER_HOME", str(checkout.root))
    monkeypatch.setenv("MUSQA_POSTGRES_URL", "postgresql+psycopg2://musqa:hidden@127.0.0.1:9/x")
    with pytest.raises(Exception, match="too many retries") as failure:
        dg.DagsterInstance.get()
    assert 'connection to server at "127.0.0.1", port 9 failed' in caplog.text
    assert "hidden" not in caplog.text + str(failure.value)


def test_the_variant_differs_from_the_default_in_its_storage_alone():
    default = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    variant = yaml.safe_load(VARIANT.read_text())
    assert default.pop("storage").keys() == {"custom"}
    assert variant.pop("storage") == {"postgres": {"postgres_url": {"env": "MUSQA_POSTGRES_URL"}}}
    assert variant == default


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_daemon_works_on_it(checkout, url):
    environment = {
        **checkout.environment,
        "MUSQA_HOME": str(checkout.home),
        "MUSQA_POSTGRES_URL": url,
        "MUSQA_QUIET_S": "0",
        "MUSQA_LOOK_EVERY_S": "2",
    }
    folder = Path(checkout.home) / "catalogs" / "jazz"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"RIFF")  # its one track ends in quarantine
    with Daemon(checkout.root, environment) as daemon:
        daemon.wait_for(lambda: daemon.partitions() == ["jazz"], 120, "the partition")
        ended = ("SUCCESS", "FAILURE")
        (run,) = daemon.wait_for(
            lambda: [r for r in daemon.catalog_runs("jazz") if r["status"] in ended], 300, "the run"
        )
        assert json.loads(json.dumps(run["tags"]))["dagster/partition"] == "jazz"
        assert {tick["status"] for tick in daemon.ticks("arrivals")} <= {"SUCCESS", "SKIPPED"}
    assert defs.get_repository_def().has_job(run["jobName"])
