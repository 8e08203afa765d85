"""The scripts of docs/scale.md: sums by hand, and measurements of a few units."""

import dataclasses
import importlib.util
import json
import subprocess
import sys

import pytest

from tests import ROOT


@pytest.fixture(scope="module")
def scale():
    spec = importlib.util.spec_from_file_location(
        "scale_costs", ROOT / "benchmarks" / "scale_costs.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def costs(scale):
    return scale.Costs(
        references=3_600, tracks_cpu_s=0, excerpts_cpu_s=0, degradations_cpu_s=10, labels_cpu_s=2,
        source_mb=0, tracks_mb=0, excerpts_mb=1, degradations_mb=99, labels_mb=0, images=0,
        efficiency=1.0, storage_gb_s=1.0, units_a_s=1_000,
    )  # fmt: skip


def test_hours_and_sizes_are_what_they_are_by_hand(scale, costs):
    assert costs.core_hours == 12
    assert costs.stored_tb == pytest.approx(0.36)
    assert scale.stage_hours(costs, "degradations", 10) == (1.0, "cores")
    # 100 MB read of each at 1 GB/s
    hours, bound = scale.stage_hours(costs, "labels", 1_000)
    assert (hours, bound) == (pytest.approx(0.1), "storage")
    slow = dataclasses.replace(costs, units_a_s=1)
    assert scale.stage_hours(slow, "labels", 1_000) == (1.0, "scheduler")


def test_more_references_cost_more_in_proportion(scale, costs):
    twice = dataclasses.replace(costs, references=7_200)
    assert twice.core_hours == 2 * costs.core_hours
    assert twice.stored_tb == pytest.approx(2 * costs.stored_tb)
    assert "| computing | 12 core-hours at 0.04 | 0 |" in list(scale.money_table(costs))


def test_the_documented_tables_are_those_of_the_script(scale):
    documented = (ROOT / "docs" / "scale.md").read_text().splitlines()
    costs = scale.Costs()
    for table in (scale.stage_table, scale.core_table, scale.money_table, scale.limit_table):
        assert [line for line in table(costs) if line not in documented] == []


@pytest.mark.parametrize("what", ["runner", "done"])
def test_the_scheduling_process_is_measured(tmp_path, what):
    program = (sys.executable, "-m", "benchmarks.million_units")
    found = subprocess.run(
        [*program, "--folder", tmp_path, "--one", what, "40"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    line = json.loads(found.stdout)
    assert (line["what"], line["n_units"]) == (what, 40)
    assert 0 <= line["seconds"] < 60
    assert line["memory_mb"] < 200
    assert list(tmp_path.iterdir()) == []
