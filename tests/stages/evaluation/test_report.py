import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.evaluation.gan.falls import NetworkFalls
from musqa_pipeline.stages.evaluation.pages import counted
from musqa_pipeline.stages.evaluation.report import PAGE_BYTES, render_report, report_json
from musqa_pipeline.stages.evaluation.report_figures import prediction_figures, training_figures
from musqa_pipeline.stages.evaluation.report_parts import paper_part, statistics_part
from musqa_pipeline.stages.evaluation.slices import evaluate
from musqa_pipeline.studies.statistics.ladders import Fall
from tests.stages.evaluation.made_up import made_up_run

VOID = {"meta", "link", "img", "br", "hr", "input", "path", "use", "rect", "stop", "image"}


class Outline(HTMLParser):
    """Notes unbalanced tags, addresses, and ids."""

    def __init__(self, text):
        super().__init__()
        self.open, self.faults, self.addresses, self.ids, self.tags = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.addresses += [values[k] for k in ("src", "href", "xlink:href") if k in values]
        self.ids += [values["id"]] if "id" in values else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page)


@pytest.fixture
def _without_figures(monkeypatch):
    """Figures take most of the time and are tested on their own."""
    for name in ("prediction_figures", "training_figures"):
        monkeypatch.setattr(f"musqa_pipeline.stages.evaluation.report.{name}", lambda *_: [])


@pytest.fixture(scope="module")
def full_page(full):
    """Every section, without the figures on predictions."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("prediction_figures", "training_figures"):
            patch.setattr(f"musqa_pipeline.stages.evaluation.report.{name}", lambda *_: [])
        return render_report(full)


def section(page, name):
    """The text of one section."""
    start = page.index(f'<h2 id="{name}">')
    return page[start : page.index("<h2", start + 5)]


def test_the_page_is_whole_and_its_tags_are_balanced(outline):
    assert outline.faults == []
    assert outline.open == []


def test_the_page_needs_no_network_and_no_script(page, outline):
    assert {a.split(",")[0] for a in outline.addresses if not a.startswith("#")} == {
        "data:image/png;base64", "data:audio/mpeg;base64",
    }  # fmt: skip
    assert "script" not in outline.tags
    assert "link" not in outline.tags
    outside = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_every_reference_within_the_page_has_its_target_and_no_id_is_twice(page, outline):
    assert len(outline.ids) == len(set(outline.ids))
    wanted = {a[1:] for a in outline.addresses if a.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", page))
    assert wanted <= set(outline.ids)


def test_figures_take_their_colours_from_the_page(page):
    assert "prefers-color-scheme: dark" in page
    assert "stroke: var(--ink)" in page
    assert "#0102" not in page
    for variable in set(re.findall(r"var\((--[\w]+)\)", page)):
        assert f"{variable}:" in page, variable


@pytest.mark.usefixtures("_without_figures")
def test_the_same_content_gives_the_same_page_and_no_date(page, plain):
    assert render_report(plain) == render_report(plain)
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", page)


def test_the_page_prints_the_numbers_of_the_table(page, content):
    for row in content.evaluations.filter(
        (pl.col("slice") == "all") & pl.col("metric").is_in(["rmse", "mae"])
    ).to_dicts():
        assert f">{row['estimate']:.1f}<small>{row['low']:.1f} to {row['high']:.1f}" in page
    assert page.count("14 recordings, 500 rows<") == 1


def test_an_unfinished_network_is_named_and_in_no_table(page, content):
    assert "<b>VGG19 is unfinished</b>" in page
    assert "VGG19 (unfinished: no result)" in page
    assert "vgg19" not in content.evaluations["model"].to_list()


def test_names_from_files_cannot_become_markup(plain, content):
    bad = '<script>alert("x")</script>'
    rows = plain.predictions.with_columns(recording=pl.lit(bad) + pl.col("recording"))
    examples = [replace(e, recording=bad, what=bad) for e in content.examples[:1]]
    text = render_report(
        replace(plain, predictions=rows, catalogs=[bad], preset=bad, examples=examples)
    )
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.usefixtures("_without_figures")
def test_the_page_stays_below_five_megabytes_however_many_examples(plain, content):
    many = [content.examples[0]] * 50
    text = render_report(replace(plain, examples=many))
    assert 0.85 * PAGE_BYTES < len(text.encode()) < PAGE_BYTES
    n_shown = text.count("<audio") // 2
    without = text[text.index("the page would grow beyond 5 MB") :]
    assert without.count("(its no. 1)") == 50 - n_shown > 0


def test_a_page_without_any_finished_network_still_says_what_there_is(content):
    baselines = ["mean", "upper_edge"]
    text = render_report(
        replace(
            content,
            runs=[made_up_run("cnn1d", finished=False)],
            predictions=content.predictions.filter(pl.col("model").is_in(baselines)),
            evaluations=content.evaluations.filter(pl.col("model").is_in(baselines)),
            differences=[],
            examples=[],
        )
    )
    assert "No network has finished its training" in text
    assert Outline(text).faults == []


def test_a_page_of_one_draw_and_one_recording_still_stands(plain):
    one = plain.predictions.filter(
        (pl.col("recording") == "recording 00") & (pl.col("depth") == 2)
    ).with_columns(uniform_draw=pl.lit(False), natural_mix=pl.lit(True))
    evaluations = plain.evaluations.filter(pl.col("draw") == "natural_mix").with_columns(
        low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64)
    )
    text = render_report(replace(plain, predictions=one, evaluations=evaluations))
    assert "too few recordings for an interval" in text
    assert "natural mix" in text
    assert Outline(text).faults == []


@pytest.mark.usefixtures("_without_figures")
def test_the_page_of_autoencoders_is_linked_where_the_preset_asks_for_one(plain):
    page = "representations.html"
    alone, beside = (render_report(replace(plain, pages=pages)) for pages in ((), (page,)))
    (line,) = (line for line in beside.splitlines() if page in line)
    assert f'<a href="{page}">' in line
    assert beside.replace(f"{line}\n", "") == alone == render_report(plain)


@pytest.mark.usefixtures("_without_figures")
def test_what_gans_hear_is_a_section_where_the_preset_asks_for_them(plain):
    means = {"distortion": -0.16, "limiter": -0.33, "lowpass": -0.37, "noise": 0.5, "all": -0.09}
    falls = {kind: Fall(mean, mean - 0.11, mean + 0.12, 48, 21) for kind, mean in means.items()}
    falls["noise"] = Fall(0.5, None, None, 2, 2)
    asked = replace(plain, pages=("gan.html",), gan=[NetworkFalls("<small>", 3, 48, falls)])
    text = render_report(asked)
    part = section(text, "gan")
    assert '<a href="#gan">' in text
    assert '<a href="gan.html">' in part
    assert "&lt;small&gt;<small>3 trainings</small>" in part
    assert re.findall(r"<td>([−.\d]+)(?:<small>([^<]+)</small>)?</td>", part) == [
        ("−0.16", "−0.27 to −0.04"), ("−0.33", "−0.44 to −0.21"), ("−0.37", "−0.48 to −0.25"),
        ("0.50", ""), ("−0.09", "−0.20 to 0.03"), ("48", "21 recordings"),
    ]  # fmt: skip
    assert Outline(text).faults == Outline(text).open == []
    (told,) = json.loads(report_json(asked))["gan"]
    assert told["falls"]["all"]["mean"] == -0.09
    unfinished = section(render_report(replace(asked, gan=())), "gan")
    assert "no training of a GAN is finished" in unfinished
    assert "<table" not in unfinished
    assert "gan" not in Outline(render_report(plain)).ids


@pytest.mark.usefixtures("_without_figures")
def test_near_duplicates_are_shown_as_a_warning(page, plain):
    assert "None found: no two tracks" in page
    pair = {"first": "a/x.flac (train)", "second": "a/y.flac (test)", "similarity": 0.41}
    text = render_report(replace(plain, near_duplicates=[pair]))
    assert "1 pair of tracks in different parts sound alike" in text
    assert "a/y.flac (test)" in text


def test_the_json_holds_the_same_numbers(content):
    value = json.loads(report_json(content))
    assert pl.DataFrame(value["evaluations"])["estimate"].to_list() == (
        content.evaluations["estimate"].to_list()
    )
    assert value["headline_model"] == "cnn1d"
    assert value["near_duplicates"] == []
    assert value["runs"][2]["finished"] is False


def test_the_page_with_everything_is_whole(full_page):
    found = Outline(full_page)
    assert found.faults == found.open == []
    assert len(found.ids) == len(set(found.ids))
    wanted = {a[1:] for a in found.addresses if a.startswith("#")}
    assert {"paper", "tests", "generalisation", "order", "ceiling"} <= wanted <= set(found.ids)


def test_what_was_not_run_and_random_backbones_are_named_in_the_results(full_page):
    assert "<li>Not run: VGG19.</li>" in full_page
    results = section(full_page, "results")
    assert "not run: VGG19, intrusive network (after InSE-NET)" in results
    assert results.count("Random weights: no comparison") == 4  # folds and repetitions, both draws
    assert "hears the reference, 2 repetitions" in results


def test_random_backbones_are_named_where_they_stand_beside_the_paper(full, full_page):
    paper = section(full_page, "paper")
    inception = paper[paper.index(">Inception v3 (random backbone)<") :]
    row = inception[: inception.index("</tr>")]
    assert "0.847" in row
    assert "12.97" in row
    (mine,) = full.evaluations.filter(
        (pl.col("protocol") == "repetitions") & (pl.col("model") == "inception_v3")
        & (pl.col("draw") == "uniform_draw") & (pl.col("slice") == "all")
        & (pl.col("metric") == "rmse")
    ).to_dicts()  # fmt: skip
    assert f"{mine['estimate']:.2f}" in row
    assert "1-D CNN − Inception v3 (random backbone)" in paper
    vgg19 = paper[paper.index(">VGG19<") :]
    assert "not run" in vgg19[: vgg19.index("</tr>")]
    tests = section(full_page, "tests")
    assert tests.count("Inception v3") == tests.count("Inception v3 (random backbone)") > 0
    assert "Inception v3" not in section(full_page, "order")


def test_the_papers_table_stands_beside_ours_with_both_tests(full, full_page):
    paper = section(full_page, "paper")
    for text in (
        "0.701",
        "(0.075)",
        "18.80",
        "(2.29)",
        "0.875",
        "11.75",
        "11 recordings, 750 rows",
    ):
        assert text in paper
    mine = full.evaluations.filter(
        (pl.col("protocol") == "repetitions") & (pl.col("model") == "cnn1d")
        & (pl.col("draw") == "uniform_draw") & (pl.col("slice") == "all")
        & (pl.col("metric") == "rmse")
    ).row(0, named=True)  # fmt: skip
    assert f'{mine["estimate"]:.2f} <span class="sd">({mine["sd"]:.2f})</span>' in paper
    assert f"{mine['n_recordings']} recordings, {mine['n_rows']} rows, uniform draw" in paper
    assert "<td>1e−8</td>" in paper  # 1-D CNN to VGG19; the text has 9.7e-9, unrounded


def test_nothing_stands_beside_the_paper_before_one_of_its_networks_was_trained(full, full_page):
    assert '<a href="#paper">' in full_page
    ours = full.predictions.filter(
        ~pl.col("protocol").is_in(["repetitions", "holdout"])
        | pl.col("model").is_in(["musqa_net", "boosted", "mean"])
    )
    assert "musqa_net" in set(ours.filter(protocol="repetitions")["model"])
    assert paper_part(replace(full, predictions=ours)) is None
    assert paper_part(full) is not None


@pytest.fixture(scope="module")
def once(full):
    """Repetitions of others, and Inception v3 trained once, as the stage `models` leaves it."""
    holdout = full.predictions.filter(protocol="holdout", model="cnn1d").with_columns(
        model=pl.lit("inception_v3"), predicted=pl.col("predicted") * 0.9
    )
    repeated = full.predictions.filter(pl.col("model") != "inception_v3", protocol="repetitions")
    predictions = pl.concat([holdout, repeated])
    settings = EvaluationSettings(n_bootstrap=100)
    return replace(
        full, predictions=predictions, evaluations=pl.DataFrame(evaluate(predictions, settings))
    )


@pytest.mark.usefixtures("_without_figures")
def test_a_single_training_stands_in_table_v_by_that_name_and_without_a_deviation(once):
    paper = section(render_report(once), "paper")
    start = paper.index(">Inception v3 (random backbone), single training<")
    row = paper[start : paper.index("</tr>", start)]
    told = once.evaluations.filter(
        protocol="holdout", model="inception_v3", draw="uniform_draw", slice="all"
    )
    for metric, digits in (("pearson", 3), ("rmse", 2)):
        value = told.filter(metric=metric)["estimate"].item()
        assert f">{value:.{digits}f}<small>" in row  # and no deviation
    assert row.rstrip().endswith("<td>–</td>")
    tests = paper[paper.index("Tests of the differences") :]
    pair = tests[tests.index("1-D CNN − Inception v3<") :]
    assert "not repeated" in pair[: pair.index("</tr>")]
    assert "single training" not in tests
    assert paper.count("single training<") == 1


def test_figures_of_a_random_backbone_say_so_in_caption_and_legend(full, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        "musqa_pipeline.stages.evaluation.report_figures.page_figure",
        lambda plot, name, title, *data: drawn.setdefault(name, (title, *data)) and "",
    )
    of_points = list(prediction_figures(full, "repetitions", "inception_v3"))
    name = "Inception v3 (random backbone)"
    for section_name in ("scatter", "residuals"):
        captions = [each["caption"] for each in of_points if each["section"] == section_name]
        assert sum(caption.startswith(name) for caption in captions) >= 2
        assert not any("Inception v3" in c and name not in c for c in captions)
    for figure in ("residuals-inception_v3", "recordings-inception_v3"):
        assert name in drawn[figure][0]
    for figure in ("calibration", "processes"):
        assert {name, "1-D CNN"} <= set(drawn[figure][1])
    assert [each["caption"] for each in training_figures(full)] == ["1-D CNN", "musqa-net", name]
    assert drawn["training-inception_v3-0"][0] == f"Loss of {name} over epochs"


def test_figure_2_has_the_single_trainings_that_its_protocol_lacks(once, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        "musqa_pipeline.stages.evaluation.report_figures.page_figure",
        lambda plot, name, title, *data: drawn.setdefault(name, data) and "",
    )
    said = list(prediction_figures(once, "repetitions", "musqa_net"))
    captions = [each["caption"] for each in said if each["section"] == "scatter"]
    assert captions.count("Inception v3 (random backbone), single training, uniform draw") == 1
    (rows,) = drawn["scatter-inception_v3-single"]
    assert rows["uniform_draw"].all()
    assert set(rows["protocol"]) == {"holdout"}
    of_holdout = [each["caption"] for each in prediction_figures(once, "holdout", "inception_v3")]
    assert not any("single training" in caption for caption in of_holdout)


def test_how_many_differences_are_shown_stands_before_the_folded_tests(full, full_page):
    text = section(full_page, "tests")
    opening, folded = text.split("<details>", 1)
    assert "Steiger" in folded
    rows = statistics_part(full, "folds", "uniform_draw", "musqa_net")
    n = sum(r["rmse"]["low"] * r["rmse"]["high"] > 0 for r in rows)
    assert f"<p>{n} of {len(rows)} differences between musqa-net and the others are shown" in (
        opening
    )


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows")]
)
def test_one_row_is_no_rows(n, text):
    assert counted(n, "row") == text


def test_differences_of_meeting_something_new_are_printed(full, full_page):
    text = section(full_page, "generalisation")
    row = next(r for r in full.generalisation if r["left_out"] == "codec MP3")
    assert f"<td>+{row['difference']:.1f}<small>+{row['low']:.1f} to +{row['high']:.1f}" in text
    assert "codec low-pass" in text
    assert "Codecs alone" in text


def test_the_unavoidable_error_and_low_passes_are_printed(full, full_page):
    text = section(full_page, "ceiling")
    for each in full.ceilings:
        assert f"<td>{each.rows}</td><td>{each.rmse:.1f}" in text
    assert "a quiet piano" in text
    assert "0.04 %" in text
    order = section(full_page, "order")
    assert re.search(r"<b>[\d.]+</b> of 11</td>", order)
    assert "no such rows" in order


def test_ablations_have_a_section_of_their_own(full_page):
    text = section(full_page, "ablations")
    assert "musqa-net, coarse bands" in text
    assert "RMSE to<br>the whole" in text
    assert "coarse bands" not in section(full_page, "results")


def test_cost_and_networks_that_never_ran_stand_in_one_table(full_page):
    training = section(full_page, "training")
    assert '<td colspan="3">not run</td>' in training
    assert "2,000,000<small>900,000</small>" in training


def test_the_json_holds_what_the_page_shows_of_protocols(full):
    value = json.loads(report_json(full))
    assert (value["protocol"], value["shown_first"]) == ("folds", "musqa_net")
    assert value["not_run"] == ["vgg19"]
    assert value["random_weights"] == ["inception_v3"]
    assert value["unavoidable_error"][0]["rows"] == "all references"
    assert value["generalisation"][0]["left_out"] == "codec low-pass"
    assert value["lowpass_order"][0]["steps"]["gentle"]["n_recordings"] == 11


def test_a_protocol_without_networks_does_not_stop_the_page(full):
    """As while trials of networks are still being made."""
    some = full.predictions.filter(
        (pl.col("protocol") == "repetitions") & (pl.col("model") == "mean")
    )
    kept = full.evaluations.filter(
        (pl.col("protocol") == "repetitions") & (pl.col("model") == "mean")
    )
    text = render_report(
        replace(full, predictions=some, evaluations=kept, differences=[], generalisation=[],
                trials=[], examples=[], twins=[], ceilings=[], runs=[])
    )  # fmt: skip
    assert Outline(text).faults == []
    assert "Not run: 1-D CNN, Inception v3" in text


@pytest.mark.usefixtures("_without_figures")
def test_a_page_says_who_gave_the_labels(plain):
    by_metric = render_report(plain)
    assert "against ViSQOL" in by_metric
    assert "a model's opinion and not a listener's" in section(by_metric, "limits")
    by_listeners = render_report(replace(plain, by_listeners=True))
    Outline(by_listeners)
    assert "against listeners" in by_listeners
    assert "the mean opinion of listeners" in section(by_listeners, "limits")
    assert "ViSQOL" not in by_listeners
    assert 'id="order"' in by_metric
    assert "#order" not in by_listeners  # nothing was cut
