"""Opinions of a small dataset: made once, resumed, shown, and nobody else's business."""

from __future__ import annotations

import dataclasses
import io
import math
import re
import sys

import numpy as np
import polars as pl
import pytest
import soundfile

from musqa_pipeline.audio.files.flac import to_flac, to_int16
from musqa_pipeline.audio.metrics.score import SecondScore
from musqa_pipeline.audio.metrics.zimtohrli import Zimtohrli
from musqa_pipeline.core.errors import StageError, ToolError
from musqa_pipeline.core.settings.preset import Preset, parse_preset
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.stages.dataset.second_metric import stage
from musqa_pipeline.stages.dataset.second_metric.checks import check_opinions, judge_opinions
from musqa_pipeline.stages.dataset.second_metric.pictures import (
    N_MARKED,
    NEIGHBOURS,
    most_disputed,
    plot_opinions,
    read_opinions,
    with_residuals,
)
from musqa_pipeline.stages.dataset.second_metric.stage import (
    asked_metrics,
    list_units,
    wants_opinions,
)
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import get_stage, joint_context
from musqa_pipeline.stages.rows import CATALOG_STAGES
from musqa_pipeline.stages.views.duck import publish, query
from tests import ROOT
from tests.audio.music import INPUT_SAMPLES, music
from tests.stages.spectrograms.small_dataset import CATALOGS, dataset_row, degraded_row

N = 480_000
FINGERPRINTS = {
    stage: f"{i:032x}"
    for i, stage in enumerate([*CATALOG_STAGES, "splits", "dataset", "spectrograms", "opinions"])
}
DOCS = ROOT / "docs" / "opinions.md"


class Nearness:
    """A metric that costs nothing: the mean difference, and a MOS that falls with it."""

    version = "nearness 2"
    bound = 0

    @staticmethod
    def require():
        pass

    def __init__(self, reference):
        assert reference.shape == (N,)
        type(self).bound += 1
        self.reference = reference

    def score(self, degraded):
        distance = float(np.mean(np.abs(degraded - self.reference)))
        return SecondScore(1.0 + 4.0 / (1.0 + 100.0 * distance), distance)


@pytest.fixture
def nearness(monkeypatch):
    monkeypatch.setattr(stage, "find_opinion", {"zimtohrli": Nearness}.get)
    monkeypatch.setattr(Nearness, "bound", 0)
    return Nearness


def flac_24(samples):
    stream = io.BytesIO()
    soundfile.write(stream, samples, 48_000, subtype="PCM_24", format="FLAC")
    return stream.getvalue()


def degraded(number, process):
    """What process `process` makes of reference `number`, 6 dB too quiet as stored."""
    noise = np.random.default_rng(process).standard_normal(N).astype(np.float32)
    return (music(seed=number + 1)[:N] + np.float32(0.003 * process) * noise) / np.float32(2)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A lake with stages 1-5 done: two catalogs with the same ids, two references, two rows."""
    home = tmp_path_factory.mktemp("opinions")
    preset = parse_preset(
        "small", {"catalogs": list(CATALOGS), "opinions": {"metric": "zimtohrli"}}
    )
    context = Context(home, preset, None, FINGERPRINTS)
    chosen = []
    for catalog in CATALOGS:
        for number in range(2):
            excerpt_id = f"{number:016x}-0"
            row = {
                "excerpt_id": excerpt_id, "track_id": f"{number:016x}", "index": 0,
                "start_s": 0.0, "source_lufs": -20.0, "gain_db": 0.0, "loudness_lufs": -23.0,
                "peak": 0.5, "n_clipped_samples": 0, "upper_edge_hz": 20_000.0,
                "tail_samples": 9_600, "tail_mirrored": False,
                "flac": to_flac(to_int16(music(INPUT_SAMPLES, seed=number + 1))),
            }  # fmt: skip
            partition = context.partition("excerpts", catalog)
            context.lake.write(partition, excerpt_id, EXCERPTS.from_rows([row]))
            rows = [
                {**degraded_row(excerpt_id, p, flac_24(degraded(number, p))), "gain_db": 6.0206}
                for p in range(3)
            ]
            table = get_stage("degradations").table.from_rows(rows)
            partition = context.partition("degradations", catalog)
            context.lake.write(partition, f"{excerpt_id}-n0", table, row_group_rows=1)
            chosen += [dataset_row(catalog, number, p) for p in range(2)]
    table = DATASET.from_rows(chosen)
    context.lake.write(context.joint_partition("dataset"), "dataset", table)
    return context


@pytest.fixture
def context(filled, home):
    """The same, in a lake of its own."""
    import shutil

    shutil.copytree(filled.home / "lake", home / "lake")
    return dataclasses.replace(filled, home=home)


def stored(context):
    return context.lake.scan(context.joint_partition("opinions"), OPINIONS.schema).to_pylist()


def with_metric(context, metric):
    settings = dataclasses.replace(context.preset.opinions, metric=metric)
    return dataclasses.replace(
        context, preset=dataclasses.replace(context.preset, opinions=settings)
    )


def test_each_chosen_row_gets_the_metrics_opinion_of_its_own_audio(context):
    report = run_stage(get_stage("opinions"), context)
    assert (report.units, report.made, report.rows) == (4, 4, 8)
    rows = stored(context)
    assert {(r["catalog"], r["degraded_id"][-1]) for r in rows} == {
        (c, p) for c in CATALOGS for p in "01"
    }
    row = next(r for r in rows if r["degraded_id"] == f"{1:016x}-0-1" and r["catalog"] == "south")
    reference = to_int16(music(INPUT_SAMPLES, seed=2))[:N].astype(np.float32) / 32_768
    expected = Zimtohrli(reference).score(2 * degraded(1, 1))
    assert row["second_mos"] == pytest.approx(expected.mos, abs=1e-3)
    assert row["second_distance"] == pytest.approx(expected.distance, rel=1e-2)
    assert row["mos"] == dataset_row("south", 1, 1)["mos"]
    assert row["disagreement"] == row["second_mos"] - row["mos"]
    assert row["metric"] == Zimtohrli.version
    check = check_opinions(context)
    assert check.passed, check.numbers
    assert check.numbers["n_chosen"] == 8


def test_only_what_is_missing_is_made_and_bytes_are_the_same(context, nearness):
    run_stage(get_stage("opinions"), context)
    assert nearness.bound == 4  # once a reference
    partition = context.joint_partition("opinions")
    path = context.lake.path(partition, f"north.{0:016x}-0")
    first = path.read_bytes()
    path.unlink()
    assert not check_opinions(context).passed
    assert run_stage(get_stage("opinions"), context).made == 1
    assert path.read_bytes() == first
    assert run_stage(get_stage("opinions"), context).made == 0


def test_several_metrics_judge_each_row(context):
    several = dataclasses.replace(
        context.preset.opinions, metric="none", metrics=("nlpd", "log_mel_mse")
    )
    preset = dataclasses.replace(context.preset, opinions=several)
    context = dataclasses.replace(context, preset=preset)
    assert run_stage(get_stage("opinions"), context).rows == 16
    check = check_opinions(context)
    assert check.passed, check.numbers
    assert set(check.numbers) >= {"spearman nlpd 1", "spearman log_mel_mse 1"}
    opinions = read_opinions(context)
    assert sorted(opinions["metric"].to_list()) == ["log_mel_mse 1"] * 8 + ["nlpd 1"] * 8
    assert plot_opinions(context).startswith(b"\x89PNG")


def test_the_old_key_and_the_new_one_name_each_metric_once():
    preset = parse_preset("p", {"opinions": {"metric": "nlpd", "metrics": ["ms_ssim", "nlpd"]}})
    assert asked_metrics(preset.opinions) == ("nlpd", "ms_ssim")


def test_residuals_know_their_own_metric():
    one = made_up(200)
    other = one.with_columns(metric=pl.lit("nlpd 1"), disagreement=pl.col("disagreement") + 1)
    rows = with_residuals(pl.concat([one, other]))
    alone = with_residuals(one)
    mine = rows.filter(metric="zimtohrli 0")
    assert mine["residual"].to_list() == alone["residual"].to_list()
    assert rows.filter(metric="nlpd 1")["residual"].to_list() == pytest.approx(
        alone["residual"].to_list()
    )


@pytest.mark.long
def test_workers_make_the_same_bytes(context, filled, tmp_path):
    run_stage(get_stage("opinions"), context)
    partition = context.joint_partition("opinions")
    alone = {u: context.lake.path(partition, u).read_bytes() for u in context.lake.done(partition)}
    for unit in alone:
        context.lake.path(partition, unit).unlink()
    assert run_stage(get_stage("opinions"), context, fanout=LocalPool(2)).made == 4
    assert {u: context.lake.path(partition, u).read_bytes() for u in alone} == alone


def test_off_makes_nothing_and_needs_no_package(context, monkeypatch):
    monkeypatch.setitem(sys.modules, "zimtohrli", None)
    off = with_metric(context, "none")
    assert run_stage(get_stage("opinions"), off).units == 0
    assert check_opinions(off).passed
    publish(off, ["opinions"])
    assert query(off.home, "SELECT count(*) AS n FROM opinions")["n"][0] == 0
    assert not wants_opinions(parse_preset("p", {}))


def test_without_its_package_the_extra_is_named(context, monkeypatch):
    monkeypatch.setitem(sys.modules, "zimtohrli", None)
    with pytest.raises(ToolError, match=re.escape("pip install 'musqa-pipeline[zimtohrli]'")):
        run_stage(get_stage("opinions"), context)


def test_without_a_dataset_it_says_what_to_run(context):
    context.lake.discard(context.joint_partition("dataset"), "dataset")
    with pytest.raises(StageError, match="there is no dataset yet; run the stage dataset first"):
        list_units(context)


def test_switching_it_on_changes_no_other_fingerprint(home):
    off, on = (
        joint_context(home, parse_preset("p", {"opinions": {"metric": metric}})).fingerprints
        for metric in ("none", "zimtohrli")
    )
    assert {stage for stage in off if off[stage] != on[stage]} == {"opinions"}
    redrawn = joint_context(home, parse_preset("p", {"dataset": {"size": 77}})).fingerprints
    assert redrawn["opinions"] != joint_context(home, Preset(name="p")).fingerprints["opinions"]


def test_the_query_of_the_docs_gives_the_residuals_of_the_picture(context, nearness):
    run_stage(get_stage("opinions"), context)
    publish(context, ["opinions"])
    (sql,) = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert f"{NEIGHBOURS} PRECEDING AND {NEIGHBOURS} FOLLOWING" in sql
    assert f"LIMIT {N_MARKED}" in sql
    listed = query(context.home, sql)
    marked = most_disputed(read_opinions(context)).select(listed.columns)
    assert listed.height == 8
    assert listed["degraded_id"].to_list() == marked["degraded_id"].to_list()
    np.testing.assert_allclose(listed["residual"], marked["residual"], atol=1e-12)


def made_up(n, odd=()):
    mos = np.linspace(1.0, 4.7, n)
    second = np.clip(1.5 + 0.7 * mos, 1, 5)
    for row, by in odd:
        second[row] += by
    return pl.DataFrame(
        {
            "catalog": ["c"] * n, "degraded_id": [f"{i:04d}" for i in range(n)],
            "metric": ["zimtohrli 0"] * n, "mos": mos, "second_mos": second,
            "second_distance": 0.01 * (5 - second), "disagreement": second - mos,
        }
    )  # fmt: skip


def test_residuals_leave_the_offset_out_and_find_the_odd_rows():
    rows = with_residuals(made_up(600, odd=[(50, -0.8), (400, 0.9), (300, 0.5)]))
    assert most_disputed(rows)["degraded_id"].to_list()[:3] == ["0400", "0050", "0300"]
    assert rows["residual"][400] == pytest.approx(0.9, abs=0.01)
    assert rows["residual"][50] == pytest.approx(-0.8, abs=0.08)  # fewer neighbours below
    assert abs(rows["residual"].median()) < 0.01
    assert abs(rows["disagreement"].median()) > 0.5


def test_a_picture_is_drawn_of_any_number_of_rows(context, nearness):
    assert plot_opinions(context).startswith(b"\x89PNG")  # none yet
    run_stage(get_stage("opinions"), context)
    png = plot_opinions(context)
    assert png.startswith(b"\x89PNG")
    assert 5_000 < len(png) < 150_000


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda rows: rows.head(-1), "n_missing"),
        (lambda rows: pl.concat([rows, rows.head(1)]), "n_doubled"),
        (lambda rows: rows.with_columns(pl.col("mos") + 0.001), "n_wrong"),
        (lambda rows: rows.with_columns(second_mos=pl.lit(5.2)), "n_wrong"),
        (lambda rows: rows.with_columns(second_distance=pl.lit(math.nan)), "n_wrong"),
        (lambda rows: rows.with_columns(disagreement=pl.lit(0.0)), "n_wrong"),
        (
            lambda rows: pl.concat([rows, rows.head(1).with_columns(degraded_id=pl.lit("x"))]),
            "n_surplus",
        ),
    ],
)
def test_the_check_fails_on_what_is_wrong(change, number):
    rows = made_up(50)
    passed = judge_opinions(rows, rows, ["zimtohrli 0"])
    assert passed.passed
    assert passed.numbers["spearman zimtohrli 0"] == pytest.approx(1.0)
    assert not judge_opinions(rows, rows, ["zimtohrli 0", "nlpd 1"]).passed
    failed = judge_opinions(change(rows), rows, ["zimtohrli 0"])
    assert not failed.passed
    assert failed.numbers[number] > 0
