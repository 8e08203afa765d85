"""The workflow's own commands: they exist, and a blocking check that fails ends them with 1."""

import subprocess
import sys

import pyarrow as pa
import pytest
import yaml

from musqa_pipeline.stages.labels.table import LABELS
from tests.assets.checkout import ROOT, Checkout

WORKFLOW = ROOT / ".github" / "workflows" / "musqa.yml"
MATERIALISE = "dagster asset materialize -m assets.definitions --select '*' --partition {partition}"


def commands(job):
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"][job]["steps"]
    return [step["run"] for step in steps if "run" in step]


def test_the_workflow_adds_the_demo_and_materialises_every_asset():
    assert commands("demo") == [
        "make setup PYTHON=python",
        ".venv/bin/musqa catalog add --demo",
        ".venv/bin/" + MATERIALISE.format(partition="demo"),
    ]
    assert commands("tests") == [
        "sudo make browser postgres speech sampler",
        "make test PYTHON=python",
    ]


def test_the_page_about_ci_shows_the_same_commands():
    page = (ROOT / "docs" / "ci.md").read_text()
    for command in commands("demo"):
        assert command in page


def test_the_targets_that_the_workflow_makes_exist():
    for command in [*commands("demo"), *commands("tests")]:
        words = command.split()
        if "make" in words:
            targets = [w for w in words[words.index("make") + 1 :] if "=" not in w]
            subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True)


def materialise(checkout):
    arguments = MATERIALISE.format(partition="tiny").replace("'", "").split()[1:]
    return subprocess.run(
        [sys.executable, "-m", "dagster", *arguments],
        cwd=checkout.root,
        env=checkout.environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_blocking_check_that_fails_ends_the_command_with_exit_code_1(tmp_path, music):
    checkout = Checkout.make(tmp_path / "checkout", music)
    good = materialise(checkout)
    assert good.returncode == 0, good.stderr[-3000:]
    report = checkout.home / "reports" / "tiny" / "report.html"
    before = report.stat().st_mtime_ns
    partition = checkout.context().partition("labels")
    unit = checkout.lake.done(partition)[0]
    rows = checkout.lake.read(partition, unit).to_pylist()
    rows[0]["mos"] = 7.5  # no scale goes so far
    checkout.lake.write(partition, unit, pa.Table.from_pylist(rows, schema=LABELS.schema))
    bad = materialise(checkout)
    assert bad.returncode == 1
    assert "range" in bad.stderr
    assert report.stat().st_mtime_ns == before  # nothing downstream was made
