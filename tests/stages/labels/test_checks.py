import math
import shutil
from dataclasses import replace

import pytest

from musqa_pipeline.audio.metrics.registry import METRICS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.labels.checks import check_counts, check_identity, check_range
from musqa_pipeline.stages.labels.pictures import plot_label_curves, read_curves
from musqa_pipeline.stages.labels.table import LABELS
from tests.stages.degradations.references import context_with_references
from tests.stages.labels.fake import Nearness


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A lake whose stage is done, to be copied by each test."""
    context = context_with_references(
        tmp_path_factory.mktemp("made") / "home", singles=[10, 44], n_cascades=1
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS, "visqol", Nearness)
        run_stage(get_stage("degradations"), context)
        run_stage(get_stage("labels"), context)
    return context


@pytest.fixture
def context(made, home, monkeypatch):
    monkeypatch.setitem(METRICS, "visqol", Nearness)
    shutil.copytree(made.home, home)
    return replace(made, home=home)


def rewrite(context, change):
    partition = context.partition("labels")
    rows = context.lake.read(partition, "r0-0-n1").to_pylist()
    context.lake.write(partition, "r0-0-n1", LABELS.from_rows(change(rows)))


def test_what_the_stage_makes_passes_every_check(context):
    for check in (check_counts, check_range, check_identity):
        assert check(context).passed
    assert check_counts(context).numbers["n_labels"] == 3
    assert check_identity(context).numbers == {"n_references": 1, "least_identity_mos": 4.73}


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda rows: rows[:-1], "n_missing"),
        (lambda rows: [*rows, rows[0]], "n_doubled"),
        (lambda rows: [*rows, {**rows[0], "degraded_id": "r8-0-1"}], "n_surplus"),
    ],
)
def test_labels_without_excerpts_and_excerpts_without_labels_are_found(context, change, number):
    rewrite(context, change)
    result = check_counts(context)
    assert not result.passed
    assert result.numbers[number] == 1


@pytest.mark.parametrize(
    "wrong", [{"mos": 4.76}, {"mos": 0.99}, {"mos": math.nan}, {"quality": 0.5}]
)
def test_a_label_out_of_range_is_found(context, wrong):
    rewrite(context, lambda rows: [{**rows[0], **wrong}, *rows[1:]])
    result = check_range(context)
    assert not result.passed
    assert result.numbers["n_bad"] == 1


def test_a_metric_that_misses_identity_is_found(context, monkeypatch):
    class Harsh(Nearness):
        def score(self, degraded):
            return super().score(degraded * 0.9)

    monkeypatch.setitem(METRICS, "visqol", Harsh)
    assert not check_identity(context).passed


def test_nothing_at_all_passes_no_check(home):
    context = context_with_references(home, n_references=0)
    for check in (check_counts, check_range, check_identity):
        assert not check(context).passed


def test_the_picture_shows_the_labels_of_the_singles(context):
    curves = read_curves(context)
    assert {name: list(curve) for name, curve in curves.items()} == {
        "mp3": [48.0],
        "lowpass": [7500.0],
    }
    stored = context.lake.read(context.partition("labels"), "r0-0-n1")
    assert curves["mp3"][48.0] == [stored["mos"][0].as_py()]
    png = plot_label_curves(context)
    assert png.startswith(b"\x89PNG")
    assert len(png) < 100_000
    assert plot_label_curves(context) == png
