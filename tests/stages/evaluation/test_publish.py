import json

import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.publish import list_reports, publish_index, publish_report
from musqa_pipeline.stages.evaluation.report import report_json
from musqa_pipeline.stages.evaluation.stage import report_folder


def finished(home, content, preset="paper", page="<p>old</p>"):
    context = Context(home, Preset(name=preset), None, {"evaluation": "a" * 32})
    folder = report_folder(context)
    folder.mkdir(parents=True, exist_ok=True)
    value = json.loads(report_json(content)) | {"preset": preset}
    (folder / "report.json").write_text(json.dumps(value))
    (folder / "report.html").write_text(page)
    (folder / "predictions.parquet").write_bytes(b"rows")
    return context


def test_a_report_lies_under_its_presets_name_and_is_listed(home, content):
    path = publish_report(finished(home, content))
    publish_report(finished(home, content, "demo"))
    assert path == home / "reports" / "paper" / "report.html"
    assert path.read_text() == "<p>old</p>"
    assert (path.parent / "predictions.parquet").read_bytes() == b"rows"
    assert [report["preset"] for report in list_reports(home)] == ["demo", "paper"]
    index = (home / "reports" / "index.html").read_text()
    for preset in ("demo", "paper"):
        assert f'<a href="{preset}/report.html">{preset}</a>' in index
    assert f"RMSE <b>{list_reports(home)[0]['rmse']:.1f}</b>" in index


def test_a_new_report_replaces_the_old_one_and_leaves_nothing_behind(home, content):
    publish_report(finished(home, content))
    path = publish_report(finished(home, content, page="<p>new</p>"))
    assert path.read_text() == "<p>new</p>"
    assert sorted(p.name for p in path.parent.iterdir() if p.suffix != ".seal") == [
        "predictions.parquet", "report.html", "report.json",
    ]  # fmt: skip


def test_no_report_is_published_before_there_is_one(home):
    context = Context(home, Preset(name="paper"), None, {"evaluation": "a" * 32})
    with pytest.raises(StageError, match="preset paper has no report yet; run the stage"):
        publish_report(context)
    assert not (home / "reports").exists()


def test_pages_beside_a_report_are_listed_once_they_are_there(home, content):
    context = finished(home, content)
    path = publish_report(context)
    assert list_reports(home)[0]["pages"] == {}
    (path.parent / "drift.html").write_text("<p>drift</p>")
    publish_index(context)
    index = (home / "reports" / "index.html").read_text()
    assert '<a href="paper/drift.html">drift</a>' in index
    assert "models.html" not in index
