"""`musqa` itself: what its help says of each command, and how little it loads."""

import json
import subprocess
import sys
from dataclasses import replace

import duckdb
import pytest
from typer.testing import CliRunner

from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.cli.app import command_line
from musqa_pipeline.cli.commands import COMMANDS, PANELS
from musqa_pipeline.stages.views.queries import database_path
from tests.audio.sounds import noise, write

REPORT = """
import json, sys
from musqa_pipeline.cli import app
for name in {absent!r}:
    sys.modules[name] = None
sys.argv = ["musqa", *{arguments!r}]
try:
    app.main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {
    "av", "dagster", "jinja2", "lightning", "matplotlib", "numba", "pyloudnorm", "scipy.fft",
    "scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.stats", "sklearn", "torch", "visqol",
}  # fmt: skip
"""What takes a tenth of a second or more to load, and no answer needs."""


def loaded_by(*arguments, absent=()):
    """Run a command in a process of its own; return its output and the modules it loaded."""
    program = REPORT.format(arguments=arguments, absent=absent)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    *lines, modules = ended.stdout.splitlines()
    return lines, set(json.loads(modules))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home outside of any checkout, with one catalog and a database."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MUSQA_PROJECT", raising=False)
    monkeypatch.setenv("MUSQA_HOME", str(home))
    write(tmp_path / "music" / "a.wav", noise(1.0))
    add_catalog(home, tmp_path / "music")
    duckdb.connect(str(database_path(home))).close()
    return home


def listed(lines):
    """Return the headings of a help page's lists with what stands below each, by name."""
    found = {}
    for line in lines:
        if line.endswith(":") and not line.startswith(" "):
            found[line[:-1]] = {}
        elif found and line.startswith("  ") and not line.startswith("   "):
            name, _, text = line.strip().partition("  ")
            found[list(found)[-1]][name] = text.strip()
    return found


@pytest.mark.parametrize("group", [name for name, c in COMMANDS.items() if c.is_group])
def test_help_of_a_group_cuts_no_sentence(group):
    help_page = CliRunner().invoke(command_line(group), [group, "--help"])
    assert help_page.exit_code == 0
    said = help_page.stdout.split("Commands:\n")[1]
    assert "..." not in said
    assert said.strip().endswith(".")
    assert max(map(len, said.splitlines())) <= 80


def test_help_has_every_command_in_its_panel_and_loads_none_of_them():
    lines, modules = loaded_by("--help")
    found = listed(lines)
    assert list(found)[1:] == list(PANELS)
    for panel in PANELS:
        of_it = {n: c.help for n, c in COMMANDS.items() if c.panel == panel}
        assert found[panel] == of_it
    commands = {m for m in modules if m.startswith("musqa_pipeline.cli.")}
    assert commands == {f"musqa_pipeline.cli.{m}" for m in ("app", "commands", "options", "output")}
    assert modules.isdisjoint({*HEAVY, "numpy", "polars", "duckdb", "pyarrow"})


def test_the_base_installation_shows_what_a_command_does_and_which_extra_it_needs():
    lines, _ = loaded_by("-h", absent=("dagster", "visqol", "torch"))
    found = listed(lines)
    of_all = {name: text for panel in PANELS for name, text in found[panel].items()}
    remarks = {name: text.removeprefix(COMMANDS[name].help) for name, text in of_all.items()}
    needs_factory = {n for n, c in COMMANDS.items() if c.extra == "factory"}
    assert {n for n, remark in remarks.items() if remark == " (needs [factory])"} == needs_factory
    assert {n for n, remark in remarks.items() if remark == " (needs [label])"} == {"label"}
    assert max(map(len, lines)) <= 80
    assert remarks["serve"] == remarks["score"] == remarks["listening"] == ""


def test_a_command_without_its_libraries_says_what_to_install(monkeypatch):
    monkeypatch.setitem(COMMANDS, "gc", replace(COMMANDS["gc"], libraries=("not_there",)))
    ended = CliRunner().invoke(command_line("gc"), ["gc", "--dry-run", "more"])
    assert str(ended.exception) == (
        "musqa gc needs not_there; install them with pip install 'musqa-pipeline[factory]'"
    )


@pytest.mark.parametrize(
    "arguments", [("query", "SELECT 1 AS one"), ("status", "--preset", "musqa")]
)
def test_what_is_asked_often_loads_nothing_heavy(home, arguments):
    lines, modules = loaded_by(*arguments)
    assert lines[-1].split()[-1] in ("1", "0")
    assert len(lines) > 1
    assert modules.isdisjoint(HEAVY)


def test_a_query_loads_no_stage(home):
    _, modules = loaded_by("query", "SELECT 1 AS one")
    assert {m for m in modules if m.startswith("musqa_pipeline.stages.")} == {
        "musqa_pipeline.stages.views", "musqa_pipeline.stages.views.queries",
    }  # fmt: skip


def test_every_name_is_where_its_line_says():
    fresh, names = command_line(), list(COMMANDS)
    commands = [command.name for command in fresh.registered_commands]
    groups = [group.name for group in fresh.registered_groups]
    assert sorted(commands + groups) == sorted(names)
    assert set(groups) == {name for name, command in COMMANDS.items() if command.is_group}
