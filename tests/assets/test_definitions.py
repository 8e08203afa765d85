"""The code location: it loads from anywhere, and every asset is described."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.checks import CHECKS, asset_checks
from assets.declaration import gpu_tags
from assets.definitions import defs
from assets.launch import PAGES
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.stages.rows import CATALOG_STAGES, JOINT_STAGES, MAIN_STAGES, ROWS, STAGE_NAMES
from musqa_pipeline.stages.views.duck import query
from tests import ROOT

BIN = Path(sys.executable).parent
ASSETS = (*STAGE_NAMES, *PAGES)


def test_the_definitions_load():
    dg.Definitions.validate_loadable(defs)
    assert {key.to_user_string() for key in defs.resolve_all_asset_keys()} == set(ASSETS)


@pytest.mark.parametrize("name", ASSETS)
def test_every_asset_has_group_description_kinds_owners_and_version(name):
    spec = next(s for s in defs.resolve_all_asset_specs() if s.key == dg.AssetKey(name))
    assert spec.group_name in {"references", "labelling", "training", "reports"}
    assert len(spec.description) > 40
    assert spec.kinds
    assert spec.owners == ["team:musqa"]
    assert spec.code_version


def test_only_the_stages_of_a_catalog_are_partitioned():
    for name in ASSETS:
        spec = next(s for s in defs.resolve_all_asset_specs() if s.key == dg.AssetKey(name))
        assert (spec.partitions_def is not None) == (name in CATALOG_STAGES)


def test_no_asset_takes_a_slot_that_would_outlive_a_kill():
    pools = {asset.op.pool for asset in defs.assets}
    assert pools == {None}


def test_the_jobs_have_the_stages_in_order():
    graph = defs.resolve_asset_graph()
    for row in ROWS:
        parents = {key.to_user_string() for key in graph.get(dg.AssetKey(row.name)).parent_keys}
        assert parents == {*row.upstream, *row.reads}
    for number, stage in enumerate(MAIN_STAGES[1:]):
        above = graph.upstream_key_iterator(dg.AssetKey(stage))
        assert dg.AssetKey(MAIN_STAGES[number]) in set(above)
    for job, stages in (("catalog_job", CATALOG_STAGES), ("joint_job", (*JOINT_STAGES, *PAGES))):
        keys = defs.resolve_job_def(job).asset_layer.executable_asset_keys
        assert {key.to_user_string() for key in keys} == set(stages)


def test_every_stage_has_a_check_and_every_check_a_claim():
    assert {*MAIN_STAGES} - {"models"} <= {check.asset for check in CHECKS} <= {*ASSETS}
    for definition in asset_checks:
        for spec in definition.check_specs:
            assert len(spec.description) > 20


def test_what_trains_asks_for_a_gpu_where_a_step_has_a_pod_of_its_own(monkeypatch):
    repository = defs.get_repository_def()
    asked = {
        key.path[-1]
        for key in repository.asset_graph.get_all_asset_keys()
        if "dagster-k8s/config" in repository.assets_defs_by_key[key].op.tags
    }
    assert asked == {"pretraining", "models", "trials", "gans", "autoencoders", "release"}
    assert gpu_tags() == {
        "dagster-k8s/config": {
            "container_config": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
        }
    }
    monkeypatch.setenv("MUSQA_STEP_GPUS", "0")
    assert gpu_tags() == {}
    monkeypatch.setenv("MUSQA_STEP_GPUS", "all")
    with pytest.raises(SettingsError, match="MUSQA_STEP_GPUS='all': expected a number of GPUs"):
        gpu_tags()


def test_a_model_below_the_mean_is_an_error_and_in_the_demo_a_warning():
    by_name = {check.rule.__name__: check for check in CHECKS}
    better, leak = by_name["check_better_than_mean"], by_name["check_no_leak"]
    assert better.severity("demo") == dg.AssetCheckSeverity.WARN
    assert better.severity("musqa") == dg.AssetCheckSeverity.ERROR
    assert by_name["check_uniform"].severity("musqa") == dg.AssetCheckSeverity.WARN
    assert leak.severity("demo") == dg.AssetCheckSeverity.ERROR
    assert (leak.blocking, better.blocking) == (True, False)


@pytest.mark.parametrize(
    "command",
    [
        ("dagster", "definitions", "validate"),
        ("dg", "list", "defs"),
        ("dagster", "asset", "list", "-m", "assets.definitions"),
    ],
    ids=" ".join,
)
@pytest.mark.long
def test_dagsters_own_commands_find_the_graph(finished, command):
    root = ROOT
    run = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=root,
        env={**finished.environment, "PWD": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    if command[1] != "definitions":
        assert all(name in run.stdout for name in ASSETS)


@pytest.mark.long
def test_materializing_everything_from_the_command_line_is_the_same_graph(finished, monkeypatch):
    before = query(finished.home, "SELECT * FROM evaluations ORDER BY ALL")
    subprocess.run(
        [BIN / "dagster", "asset", "materialize", "-m", "assets.definitions", "--select", "*",
         "--partition", "tiny"],
        cwd=finished.root,
        env=finished.environment,
        capture_output=True,
        check=True,
    )  # fmt: skip
    monkeypatch.chdir(finished.root)
    monkeypatch.setenv("DAGSTER_HOME", str(finished.root))
    monkeypatch.setenv("MUSQA_HOME", str(finished.home))
    with dg.DagsterInstance.get() as instance:
        (latest,) = instance.get_runs(limit=1)
    assert latest.status == dg.DagsterRunStatus.SUCCESS
    assert latest.tags["dagster/partition"] == "tiny"
    assert latest.job_name not in {"catalog_job", "joint_job"}  # the command line's own
    assert query(finished.home, "SELECT * FROM evaluations ORDER BY ALL").equals(before)


def test_what_starts_by_itself_says_what_it_does():
    for one in [*defs.sensors, *defs.schedules]:
        assert len(one.description) > 40, one.name
