"""Rules of the house that no linter knows."""

import ast
import re
import subprocess

import pytest

from musqa_pipeline.scoring.model_file import SHIPPED
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.rows import MAIN_STAGES
from tests import ROOT

MODULES = sorted((ROOT / "musqa_pipeline").rglob("*.py"))
ASSET_MODULES = sorted((ROOT / "assets").glob("*.py"))


def names_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=names_of)
def test_the_library_never_imports_dagster(path):
    if path.parent.name == "cli" and path.name in {"factory.py", "automation.py"}:
        # They launch the jobs and ask the sensor, through `assets`.
        assert "import dagster" not in path.read_text()
        return
    assert not re.search(r"^\s*(import|from) (dagster|assets)\b", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", MODULES + ASSET_MODULES, ids=names_of)
def test_a_module_fits_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 300


LIBRARIES = {"visqol", "scoring"}


@pytest.mark.parametrize("path", MODULES, ids=names_of)
def test_a_package_does_no_work_at_import(path):
    if path.name == "__init__.py":
        docstring, *rest = ast.parse(path.read_text()).body
        assert isinstance(docstring, ast.Expr)
        # A library in itself may name its public classes, and nothing else.
        public = (ast.ImportFrom, ast.Assign) if path.parent.name in LIBRARIES else ()
        if path.parent.name == "musqa_pipeline":  # loads its names later: tests/test_names.py
            public = (ast.ImportFrom, ast.If, ast.Assign, ast.Expr, ast.FunctionDef)
        assert all(isinstance(node, public) for node in rest)


def test_every_stage_has_its_folder_its_asset_and_its_tests():
    for name in MAIN_STAGES:
        assert (ROOT / "musqa_pipeline" / "stages" / name).is_dir()
        assert (ROOT / "assets" / "stages" / f"{name}.py").is_file()
        assert (ROOT / "tests" / "stages" / name).is_dir()
        assert get_stage(name).name == name


@pytest.mark.parametrize(
    "page", sorted(p for p in ROOT.glob("**/*.md") if ".venv" not in p.parts), ids=names_of
)
def test_docs_name_only_what_exists(page):
    text = page.read_text()
    for path in re.findall(r"`((?:musqa_pipeline|assets|tests|docs|benchmarks)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\((?!http|#|mailto)([^)#\s]+)", text):
        assert (page.parent / link).exists(), link


def test_no_stage_module_uses_the_clock_or_a_global_generator():
    banned = re.compile(
        r"\bnp\.random\.(?!Generator\b|PCG64\b|default_rng\([^)])"  # the global one, or no seed
        r"|^\s*(import|from) (random|datetime|secrets|uuid)\b"
        r"|\btime\.(time|time_ns|localtime|gmtime|strftime)\(",
        re.MULTILINE,
    )
    for path in MODULES:
        if path.name != "clock.py":
            assert not banned.search(path.read_text()), names_of(path)


def test_only_records_about_runs_know_the_time():
    records = {"release/promotion", "release/drift", "stages/engine"}
    records |= {"operations/maintenance"}  # what is old enough to go
    for path in MODULES:
        if re.search(r"^\s*(import|from) musqa_pipeline\.core\.clock\b", path.read_text(), re.M):
            assert str(path.parent.relative_to(ROOT / "musqa_pipeline")) in records, path


def test_nothing_that_git_tracks_is_large():
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [ROOT / name for name in listing.stdout.split("\0") if name]
    limits = {f: 1_500_000 for f in files} | {SHIPPED: 20_000_000}
    large = [names_of(f) for f in files if f.exists() and f.stat().st_size > limits[f]]
    assert large == []
