"""Each home has a Dagster history of its own; that of the checkout's home stays where it was."""

import shutil

import dagster as dg
import pytest

from tests.assets.checkout import ROOT

HOMES = {"usual": None, "usual by name": "data/", "other": "other", "bucket": "s3://bucket/lake"}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("MUSQA_PROJECT", str(tmp_path))
    return tmp_path


def open_instance(monkeypatch, home):
    if home is None:
        monkeypatch.delenv("MUSQA_HOME", raising=False)
    else:
        monkeypatch.setenv("MUSQA_HOME", home)
    return dg.DagsterInstance.get()


def test_homes_do_not_see_each_others_runs_and_partitions(checkout, monkeypatch):
    for name, home in HOMES.items():
        with open_instance(monkeypatch, home) as instance:
            instance.add_dynamic_partitions("catalogs", [name.replace(" ", "-")])
            instance.create_run_for_job(_job)
    seen = {}
    for name, home in HOMES.items():
        with open_instance(monkeypatch, home) as instance:
            names = sorted(instance.get_dynamic_partitions("catalogs"))
            seen[name] = (names, instance.get_runs_count())
    usual = (["usual", "usual-by-name"], 2)
    assert seen == {
        "usual": usual, "usual by name": usual, "other": (["other"], 1), "bucket": (["bucket"], 1),
    }  # fmt: skip
    assert not (checkout / "s3:").exists()


def test_the_history_of_the_checkouts_home_stays_where_it_was(checkout, monkeypatch):
    with open_instance(monkeypatch, None) as instance:
        instance.create_run_for_job(_job)
        assert instance.storage_directory() == ".dagster/storage"
    # What the folders were called when there was one history for all homes.
    (checkout / "dagster.yaml").write_text("storage: {sqlite: {base_dir: .dagster/db}}")
    with dg.DagsterInstance.get() as instance:
        assert instance.get_runs_count() == 1


@dg.job
def _job():
    pass
