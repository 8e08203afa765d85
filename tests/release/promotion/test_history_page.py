"""The page of decisions, the command that shows them, the check, and what Dagster is told."""

import dataclasses
import json
import xml.etree.ElementTree as ET  # of our own text

import polars as pl
import pytest
from typer.testing import CliRunner

from musqa_pipeline.cli.model import app
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.core.settings.evaluation import PromotionSettings
from musqa_pipeline.release.promotion.frozen import current_test_rows
from musqa_pipeline.release.promotion.history import check_promotion, publish_decision
from musqa_pipeline.release.promotion.promote import promote
from musqa_pipeline.release.promotion.reports import history_plots, render_history
from musqa_pipeline.stages.models.stage import run_folder
from musqa_pipeline.stages.views.duck import query
from tests.release.promotion.made_up import made_up_history
from tests.release.promotion.world import PROMOTED, train_anew

pytestmark = pytest.mark.usefixtures("networks")


def test_the_page_tells_every_decision_and_links_both_reports():
    history = made_up_history()
    page = render_history("made_up", history)
    assert "http" not in page.replace("http://www.w3.org", "")
    for row in history.decisions:
        assert row["reason"] in page
    assert page.count('href="models/000007/report.html"') == 3  # its own, and of 8 and 9
    assert page.count("champion kept") == 2
    assert '<tr class="lead">\n<td class="text">9</td>' in page
    for _, svg in history_plots(history.decisions):
        ET.fromstring(svg)


def test_a_history_of_one_decision_is_a_page_too():
    first = dataclasses.replace(made_up_history(), decisions=made_up_history().decisions[:1])
    assert "first champion" in render_history("made_up", first)


def test_dagster_is_told_what_was_decided_and_view_and_check_have_it(context):
    assert not check_promotion(context).passed
    told = publish_decision(context)
    assert (told["promotion"], told["champion"], told["promotion_number"]) == ("first", 1, 1)
    assert check_promotion(context).passed
    train_anew(context, 0.09)
    told = publish_decision(context)
    assert (told["promotion"], told["champion"], told["promotion_number"]) == ("kept", 1, 2)
    assert told["promotion_difference_points"] == pytest.approx(4.0, abs=0.05)
    assert "not below the margin of 1" in told["promotion_reason"]
    rows = query(context.home, "SELECT number, decision, champion FROM small.promotions ORDER BY 1")
    assert rows.rows() == [(1, "first", None), (2, "kept", 1)]
    assert (context.home / "reports/small/models.html").read_text().count("<tr") == 3
    result = check_promotion(context)
    assert not result.passed
    assert result.claim.startswith("decision 2, kept: RMSE +4.0")
    off = dataclasses.replace(PROMOTED, promotion=PromotionSettings())
    assert check_promotion(dataclasses.replace(context, preset=off)).passed


def test_the_commands_show_the_history_and_export_what_was_kept_of_the_champion(
    context, tmp_path, monkeypatch
):
    preset = tmp_path / "small.toml"
    preset.write_text('[models]\nnames = ["brightness"]\n[promotion]\nnetwork = "brightness"\n')
    weights = run_folder(context, "brightness") / "weights.pt"
    expected, seen = weights.read_bytes(), {}

    def export(folder, out, *, name, version, about):
        assert about == ""
        seen.update({path.name: path.read_bytes() for path in folder.iterdir()})
        return 0.0

    monkeypatch.setattr("musqa_pipeline.release.model.export.export_run", export)
    shows = ["history", "--preset", str(preset)]
    exports = ["export", "champion", "--preset", str(preset), "--out", str(tmp_path / "c.onnx")]
    said = CliRunner().invoke(app, shows, catch_exceptions=False).stdout
    assert "preset small has decided on no model yet" in said
    with pytest.raises(ModelError, match="preset small has no champion yet; name a network in"):
        CliRunner().invoke(app, exports, catch_exceptions=False)
    promote(context)
    weights.unlink()
    said = CliRunner().invoke(app, shows, catch_exceptions=False).stdout
    assert "first: there was no champion before it" in " ".join(said.split())
    assert "reports/small/models.html" in said.replace("\n", "")
    told = CliRunner().invoke(app, [*shows, "--json"], catch_exceptions=False).stdout
    assert json.loads(told)["is_champion"] is True
    said = CliRunner().invoke(app, exports, catch_exceptions=False)
    assert "c.onnx: own 1" in said.stdout.replace("\n", "")
    assert set(seen) == {"weights.pt", "settings.json"}
    assert seen["weights.pt"] == expected


def test_the_command_that_refreezes_records_it_and_says_when_there_is_nothing_new(
    context, monkeypatch
):
    monkeypatch.setattr("musqa_pipeline.stages.graph.joint_context", lambda home, preset: context)
    with pytest.raises(ModelError, match="preset small has no champion yet"):
        CliRunner().invoke(app, ["refreeze"], catch_exceptions=False)
    whole = current_test_rows(context)
    fewer = whole.filter(pl.col("recording") != "recording 9")
    with monkeypatch.context() as patch:
        patch.setattr("musqa_pipeline.release.promotion.promote.current_test_rows", lambda _: fewer)
        promote(context)
    said = CliRunner().invoke(app, ["refreeze", "--note", "in spring"], catch_exceptions=False)
    assert said.stdout == (
        "decision 2: 1 test recordings joined: in spring; 4 recordings are judged\n"
    )
    page = (context.home / "reports/small/models.html").read_text()
    assert "1 test recordings joined: in spring" in page
    with pytest.raises(ModelError, match="there is nothing to add"):
        CliRunner().invoke(app, ["refreeze"], catch_exceptions=False)
