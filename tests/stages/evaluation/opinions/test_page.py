"""The page of second opinions, from a small lake and from made-up rows."""

import dataclasses
import re

import pytest

from musqa_pipeline.core.settings.dataset import OpinionsSettings
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.evaluation.examples import Example
from musqa_pipeline.stages.evaluation.opinions.page import publish_opinions_page, render_opinions
from musqa_pipeline.stages.evaluation.opinions.tables import (
    lowpasses_in_order,
    read_judged,
    slices_of,
)
from musqa_pipeline.stages.evaluation.publish import publish_index
from tests.stages.evaluation import small_lake as small_lake_module
from tests.stages.evaluation.opinions.test_tables import NAMES, rows
from tests.stages.evaluation.small_lake import small_lake

ASKED = OpinionsSettings(metrics=("nlpd", "ms_ssim"))


@pytest.fixture
def context(tmp_path, monkeypatch):
    """A lake whose rows have made-up opinions."""
    for name in ("brightness", "late"):
        monkeypatch.setitem(MODELS, name, small_lake_module.ENTRY)
    context = small_lake(tmp_path / "home")
    context = dataclasses.replace(
        context,
        preset=dataclasses.replace(context.preset, opinions=ASKED),
        fingerprints={**context.fingerprints, "opinions": "e" * 32},
    )
    dataset = context.lake.read(
        context.joint_partition("dataset"), "dataset",
        ["catalog", "excerpt_id", "degraded_id", "mos"],
    ).to_pylist()  # fmt: skip
    for row in dataset:
        odd = row["degraded_id"] == f"{3:016x}-0-12"
        said = {"nlpd 1": row["mos"] + 0.3, "ms_ssim 1": 1.01 if odd else row["mos"] + 0.1}
        opinions = [
            {**row, "metric": metric, "second_mos": mos, "second_distance": 1.0,
             "disagreement": mos - row["mos"]}
            for metric, mos in said.items()
        ]  # fmt: skip
        context.lake.write(
            context.joint_partition("opinions"), row["degraded_id"], OPINIONS.from_rows(opinions)
        )
    return context


def page(**changes):
    table = rows()
    example = Example(
        recording="<b>x</b>", what="mp3", label=50.0, said={}, worst_of={}, dark=True,
        degraded_picture=b"png", reference_picture=b"png", degraded_player=b"mp3",
        reference_player=b"mp3",
    )  # fmt: skip
    said = {name: (2.5, 12.0) for name in NAMES}
    slices = slices_of(table, NAMES, EvaluationSettings(n_bootstrap=100))
    values = {"steps": lowpasses_in_order(table, NAMES), "disputed": [(example, said)]} | changes
    return render_opinions("test", NAMES, slices, **values, confidence=0.95)


def test_it_needs_nothing_else_and_shows_hostile_names_as_text():
    text = page()
    assert "<script" not in text
    assert not re.search(r'(src|href)="http', text)
    assert text.count("<svg") == 2
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>x</b>" not in text
    assert text.count("<img ") == text.count("<audio ") == 2
    assert "<b>12 %</b>" in text
    assert page() == text
    assert 'href="#order"' not in page(steps=[])


def test_beyond_five_megabytes_there_are_no_players():
    example = Example(
        recording="long", what="mp3", label=50.0, said={}, worst_of={}, dark=False,
        degraded_picture=bytes(1_500_000), reference_picture=None,
        degraded_player=bytes(1_500_000), reference_player=None,
    )  # fmt: skip
    said = {name: (2.5, 12.0) for name in NAMES}
    text = page(disputed=[(example, said)] * 2)
    assert len(text) < 5_000_000
    assert text.count("<audio ") == 1
    assert text.count("would grow beyond 5 MB") == 1


def test_the_page_of_a_lake_shows_its_opinions_and_the_rows_in_dispute(context):
    table, names = read_judged(context)
    assert names == ["ViSQOL", "MS-SSIM", "NLPD"] or names == ["ViSQOL", "NLPD", "MS-SSIM"]
    assert table.height == 30
    assert publish_opinions_page(context) == "reports/small/opinions.html"
    text = (context.home / "reports/small/opinions.html").read_text()
    assert text.count('<article class="card example">') == 10  # one a reference
    first = text.split('<article class="card example">')[1]
    assert "<b>recording 3</b>" in first
    assert first.count("<audio ") == 2
    assert "30</b><span>of 10 recordings" in text
    assert '<td class="name">ViSQOL, NLPD</td><td>1.00<small>1.00 to 1.00</small></td>' in text
    assert publish_opinions_page(context)
    assert (context.home / "reports/small/opinions.html").read_text() == text


def test_without_opinions_there_is_no_page(context):
    off = dataclasses.replace(context.preset, opinions=OpinionsSettings())
    assert publish_opinions_page(dataclasses.replace(context, preset=off)) is None
    bare = {**context.fingerprints, "opinions": "f" * 32}
    assert publish_opinions_page(dataclasses.replace(context, fingerprints=bare)) is None
    assert not (context.home / "reports").exists()
    publish_index(context)  # what is not there is not listed
    assert "opinions.html" not in (context.home / "reports/index.html").read_text()
