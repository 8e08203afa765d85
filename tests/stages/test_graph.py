"""The rows of the graph: all that lists stages follows from them, also for one that is added."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise

import grimp
import pytest

from musqa_pipeline.core.settings.per_catalog import ExcerptsSettings
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.graph import get_stage, get_table, joint_context, load_preset
from musqa_pipeline.stages.rows import ROWS, STAGE_NAMES, find_row
from musqa_pipeline.stages.views.duck import VIEWS
from tests import ROOT

OWN_FOLDER = {
    "__init__.py": '"""A stage that counts."""\n',
    "settings.py": '''
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section


@dataclass(frozen=True, kw_only=True)
class ToySettings(Section):
    """What the toy is made by."""

    n_rows: Annotated[int, Field(ge=1)] = 2
    """Numbers that it counts."""
''',
    "table.py": """
import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

TOY = Table("toy", "a number", (Column("n", pa.int64(), "the number"),))
""",
    "stage.py": """
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.toy.table import TOY


def list_units(context):
    return [Unit("all", "all numbers")]


def make_unit(context, unit):
    return TOY.from_rows([{"n": n} for n in range(context.preset.toy.n_rows)])


TOY_MAKER = Maker(version=1, tools=(), units=list_units, make=make_unit, inline=True)
""",
}
ROW = """    Row(
        name="toy",
        maker="stages.toy.stage:TOY_MAKER",
        table="stages.toy.table:TOY",
        joint=True,
        beside="dataset",
        upstream=("splits",),
        section="toy",
        settings="stages.toy.settings:ToySettings",
    ),
)  # each after"""
ASSET = '''"""The toy."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource


@stage_asset(group="training", kinds={"parquet"})
def toy(musqa: MusqaResource) -> dg.MaterializeResult:
    """Numbers, counted."""
    return run_and_describe(musqa, musqa.joint_context(), "toy")
'''
PROGRAM = """
import json
import sys

import dagster as dg

from assets.definitions import defs
from assets.launch import assets_until
from assets.resources import MusqaResource
from assets.stages.toy import toy
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.stages.graph import joint_context, load_preset
from musqa_pipeline.stages.views.duck import query
from musqa_pipeline.stages.views.tables_page import tables_page

made = dg.materialize([toy], resources={"musqa": MusqaResource(preset_name="mine.toml")})
mine, other = (
    joint_context(home_folder(), load_preset(name), "seen").fingerprints
    for name in ("mine.toml", "other.toml")
)
parents = defs.resolve_asset_graph().get(dg.AssetKey("toy")).parent_keys
print(json.dumps({
    "success": made.success,
    "rows": query(home_folder(), "SELECT n FROM mine.toy ORDER BY n")["n"].to_list(),
    "page": "## toy" in tables_page(),
    "until": ["toy" in assets_until(stage) for stage in ("labels", "dataset", "evaluation")],
    "parents": sorted(key.to_user_string() for key in parents),
    "moved": [stage for stage in mine if mine[stage] != other[stage]],
}))
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the project with a stage more: its folder, its row, its asset."""
    root = tmp_path_factory.mktemp("extended")
    for package in ("musqa_pipeline", "assets"):
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    folder = root / "musqa_pipeline" / "stages" / "toy"
    folder.mkdir()
    for name, text in OWN_FOLDER.items():
        (folder / name).write_text(text)
    graph = root / "musqa_pipeline" / "stages" / "rows.py"
    text = graph.read_text()
    assert text.count("\n)  # each after") == 1
    graph.write_text(text.replace("\n)  # each after", "\n" + ROW))
    (root / "assets" / "stages" / "toy.py").write_text(ASSET)
    (root / "mine.toml").write_text('extends = "demo"\n[toy]\nn_rows = 3\n')
    (root / "other.toml").write_text('extends = "demo"\n')
    return root


def run(root, program):
    environment = os.environ | {"PYTHONPATH": str(root), "MUSQA_HOME": str(root / "home")}
    environment["DAGSTER_HOME"] = ""
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_a_stage_more_is_its_folder_its_row_and_its_asset(extended):
    done = run(extended, PROGRAM)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "success": True,
        "rows": [0, 1, 2],
        "page": True,
        "until": [False, True, True],
        "parents": ["splits"],
        "moved": ["toy"],
    }


def test_its_settings_are_checked_like_all_others(extended):
    program = (
        "from musqa_pipeline.stages.graph import load_preset\n"
        "from musqa_pipeline.core.errors import SettingsError\n"
        "for name in ('bad.toml', 'worse.toml'):\n"
        "    try: load_preset(name)\n"
        "    except SettingsError as error: print(error)\n"
    )
    (extended / "bad.toml").write_text("[toy]\nn_row = 3\n")
    (extended / "worse.toml").write_text("[toy]\nn_rows = 0\n")
    unknown, too_small = run(extended, program).stdout.splitlines()
    assert "[toy]: unknown key 'n_row'; did you mean 'n_rows'?" in unknown
    assert "[toy]" in too_small
    assert "n_rows=0" in too_small


def test_a_preset_that_was_built_without_its_section_has_the_defaults(extended):
    program = (
        "from musqa_pipeline.core.home import home_folder\n"
        "from musqa_pipeline.core.settings.preset import Preset\n"
        "from musqa_pipeline.stages.graph import joint_context\n"
        "print(joint_context(home_folder(), Preset(name='p'), 'seen').preset.toy.n_rows)\n"
    )
    assert run(extended, program).stdout == "2\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_names_what_there_is_and_stands_after_what_it_reads(row):
    before = STAGE_NAMES[: STAGE_NAMES.index(row.name)]
    assert {*row.upstream, *row.reads} <= {*before}
    assert row.beside in {"", *STAGE_NAMES}
    assert not row.beside or not find_row(row.beside).beside
    assert not row.section or row.settings or hasattr(Preset(name="p"), row.section)
    stage = get_stage(row.name)
    assert (stage.name, stage.upstream, stage.joint) == (row.name, row.upstream, row.joint)
    assert VIEWS[get_table(row).name] is stage.table


def test_no_stage_imports_one_that_stands_after_it():
    imports = grimp.build_graph("musqa_pipeline", cache_dir=None)
    stages = "musqa_pipeline.stages."
    folders = dict.fromkeys(
        stages + row.maker.split(".")[1] for row in ROWS if row.maker.startswith("stages.")
    )
    assert len(folders) >= 8
    for early, late in pairwise(folders):
        for later in list(folders)[list(folders).index(late) :]:
            assert not imports.chain_exists(early, later, as_packages=True), (early, later)


def test_trainings_without_labels_are_not_made_again_for_new_labels(home):
    preset = load_preset("demo")
    before, after = (joint_context(home, preset, seen).fingerprints for seen in ("few", "more"))
    assert before["splits"] != after["splits"]
    assert before["models"] != after["models"]
    for stage in ("gans", "autoencoders"):
        assert before[stage] == after[stage]
    louder = dataclasses.replace(preset, excerpts=ExcerptsSettings(target_lufs=-20.0))
    moved = joint_context(home, louder, "few").fingerprints
    assert moved["autoencoders"] != before["autoencoders"]  # which see excerpts
    assert moved["gans"] == before["gans"]  # which see whole tracks
