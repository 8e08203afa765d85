"""The page on GANs: what it says of made-up scores, what it draws, and when there is none."""

import dataclasses
import re

import numpy as np
import polars as pl
import pytest
from scipy import stats

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.evaluation.gan import plots
from musqa_pipeline.stages.evaluation.gan.correlations import correlate_scores
from musqa_pipeline.stages.evaluation.gan.falls import falls_of, gather_falls
from musqa_pipeline.stages.evaluation.gan.page import (
    Network,
    correlations,
    publish_gan_page,
    render_gan,
    standardised,
    with_intensity,
)
from musqa_pipeline.stages.gan_scores.read import read_trainings, read_versions
from musqa_pipeline.stages.graph import get_stage, joint_context
from musqa_pipeline.stages.segments.settings import GanSettings
from tests.stages.gan_scores.made_up import KINDS, made_up_training, made_up_versions
from tests.stages.gan_scores.small_scores import trained
from tests.stages.gans.small_gans import with_gans

RECIPE = GanRecipe(size=64, steps=2, checkpoint_steps=1)
VERSIONS = made_up_versions(4, ("Rock", "Jazz"))


def falls(row):
    """Fall with the intensity, of noise alone rise."""
    damage = row["intensity"] or 0.0
    return 7 + damage if row["kind"] == "noise" else 7 - damage


def images(*names):
    blank = np.linspace(-1, 1, 64 * 64).reshape(64, 64)
    return {name: ([blank] * 3, [blank] * 2) for name in names}


def page(**changes):
    trainings = [made_up_training(VERSIONS, falls), made_up_training(VERSIONS, falls, seed=1)]
    network = Network("tiny", RECIPE, trainings, images("Rock", "Jazz"))
    return render_gan("test", VERSIONS, [dataclasses.replace(network, **changes)])


def test_the_table_has_each_training_their_mean_and_the_fall_of_each_kind():
    text = page()
    first, _ = text.split("Rank correlation of D over originals")
    rows = re.findall(r'<td class="name">([^<]+)', first)
    assert rows == ["tiny-0", "tiny-1", "mean"]
    means = re.findall(r"<td>([−\d.]+)<small>", text.split("tiny-0<", 1)[1].split("</tr>")[0])
    assert means == ["−1.00", "−1.00", "−1.00", "1.00", "−0.50"]
    assert "fell 8.0-fold" in text
    assert "80.0 → 10.0" in text


def test_it_needs_nothing_else_and_has_a_figure_for_each_of_the_papers():
    text = page()
    assert "<script" not in text
    assert text.count("<svg") == 7
    for words in ("Scores by fifth", "Mean score over", "Rank correlations", "With I, by degra",
                  "With I, by genre", "Over steps", "Images by genre"):  # fmt: skip
        assert f"<figcaption>{words}" in text
    assert page(images={}).count("<svg") == 6
    assert page() == text


def test_the_papers_numbers_stand_there_with_what_its_ratings_are():
    text = page()
    assert (
        "ratings by 0.349 (distortion), 0.120 (limiter), 0.222 (low-pass), 0.359 (noise), and "
        "0.426 (all)."
    ) in text
    assert "medians of at least 5 listeners, 448 people in all, ten segments each" in text
    assert "rejected were those without speakers or headphones" in text


def test_one_training_has_no_mean_and_hostile_names_are_shown_as_text():
    one = made_up_training(VERSIONS, falls)
    named = dataclasses.replace(one, row={**one.row, "network": "<b>x</b>"})
    text = page(trainings=[named], name="<b>x</b>")
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;-0" in text
    assert '<td class="name">mean' not in text


def test_scores_of_trainings_are_averaged_in_deviations_of_originals():
    first = np.array([made_up_training(VERSIONS, falls).score])
    shifted = 100 * first + 3
    found = standardised(VERSIONS, np.concatenate([first + np.arange(first.size), shifted]))
    original = (VERSIONS["kind"] == "original").to_numpy()
    assert found[original].mean() == pytest.approx(0)
    alone = np.random.default_rng(0).standard_normal((1, VERSIONS.height))
    one = standardised(VERSIONS, alone)
    assert one[original].std() == pytest.approx(1)
    np.testing.assert_allclose(standardised(VERSIONS, np.concatenate([alone, 5 * alone - 2])), one)


def test_correlations_are_of_the_columns_they_name():
    rows = plots.paper_rows(VERSIONS)
    assert rows.group_by("segment_id").len()["len"].to_list() == [5] * 4
    found = correlations(rows, ["intensity", "mse", "visqol_mos", "flatness_16k"])
    assert found[0][:3] == pytest.approx([1, 1, -1])
    assert found[1][2] == pytest.approx(-1)
    assert found[0][3] is None  # it is the same everywhere
    by_kind = with_intensity([rows.filter(kind=kind) for kind in KINDS], ["mse", "visqol_mos"])
    assert np.array(by_kind) == pytest.approx(np.array([[1] * 4, [-1] * 4]))


def test_falls_of_several_trainings_are_averaged():
    score = made_up_training(VERSIONS, falls).score
    found = falls_of(VERSIONS, [score, -score])
    assert found["noise"].mean == found["all"].mean == pytest.approx(0)
    assert falls_of(VERSIONS, [score])["noise"].mean == pytest.approx(1)


def test_scores_are_correlated_by_degradation_by_genre_and_over_all():
    score = made_up_training(VERSIONS, falls).score
    rows = plots.paper_rows(VERSIONS.with_columns(score=pl.Series(score)))
    lines = correlate_scores(rows, ["intensity", "visqol_mos"])
    assert [(line.of, line.n_versions, line.n_recordings) for line in lines] == [
        *((words, 4, 4) for words in plots.KIND_WORDS.values()),
        ("Jazz", 10, 2), ("Rock", 10, 2), ("all", 20, 4),
    ]  # fmt: skip
    groups = [line.group for line in lines]
    assert groups == ["degradation"] * 4 + ["genre"] * 2 + ["versions"]
    by_kind = [[cell.value for cell in line.cells.values()] for line in lines[:4]]
    assert by_kind == [pytest.approx([-1, 1])] * 3 + [pytest.approx([1, -1])]
    expected = stats.spearmanr(rows["intensity"].fill_null(0.0), rows["score"])
    assert lines[-1].cells["intensity"].p == pytest.approx(expected.pvalue)
    one = correlate_scores(rows.with_columns(genre=pl.lit("other")), ["intensity"])
    assert [line.of for line in one] == [*plots.KIND_WORDS.values(), "all"]


def test_the_page_has_a_line_of_correlations_for_each_degradation_and_genre():
    text = page()
    part = text.split("Rank correlation of D over originals", 1)[1].split("</table>")[0]
    assert re.findall(r'<td class="name">([^<]+)', part) == [
        "distortion", "limiter", "low-pass", "noise", "Jazz", "Rock", "all",
    ]  # fmt: skip
    assert "D with ViSQOL" in part
    line = part.split('"name">distortion<')[1].split("</tr>")[0]
    assert re.findall(r">([^<>]+)<", line)[1:4] == ["−1.00", "−1.00 to −1.00", "&lt; 1e−12"]
    lacking = VERSIONS.with_columns(visqol_mos=pl.lit(None, pl.Float64))
    network = Network("tiny", RECIPE, [made_up_training(VERSIONS, falls)], {})
    assert "D with ViSQOL" not in render_gan("test", lacking, [network])


def test_without_a_network_there_is_no_page(home):
    preset = parse_preset("off", {"gan": {}}, sections={"gan": GanSettings})
    assert publish_gan_page(Context(home, preset, None, {})) is None
    assert gather_falls(Context(home, preset, None, {})) == []
    assert not (home / "reports").exists()


def test_a_report_is_made_again_where_other_discriminators_answer(home):
    def fingerprints(**settings):
        given = {"networks": ["tiny"], "recipes": {"tiny": {"size": 64}}, **settings}
        preset = parse_preset("p", {"gan": given}, sections={"gan": GanSettings})
        return joint_context(home, preset, "seen").fingerprints

    before = fingerprints()
    for settings in ({"critic": "average"}, {"recipes": {"tiny": {"size": 128}}}, {"n_seeds": 2}):
        after = fingerprints(**settings)
        assert {s for s in before if before[s] != after[s]} == {"evaluation"}


def test_the_page_of_a_lake_shows_what_its_views_hold(tmp_path):
    context = trained(tmp_path)
    assert publish_gan_page(with_gans(context, recipes={"tiny": {"size": 64}})) is None
    with pytest.raises(StageError, match="tiny, seed 0, has not scored all segments; run"):
        gather_falls(context)
    run_stage(get_stage("gan_scores"), context)
    assert publish_gan_page(context) == "reports/test/gan.html"
    text = (context.home / "reports/test/gan.html").read_text()
    versions = read_versions(context)
    (training,) = read_trainings(context, versions)
    mean = falls_of(versions, [training.score])["all"].mean
    assert f"<b>{mean:.2f}</b>".replace("-", "−") in text
    (network,) = gather_falls(context)
    assert (network.name, network.n_trainings, network.n_segments) == ("tiny", 1, 5)
    assert network.falls["all"].mean == mean
    assert "generated" in text
    assert text.count("<svg") == 6  # one class; ViSQOL is off
    assert "ViSQOL</text>" not in text
    off = with_gans(context, networks=())
    assert publish_gan_page(off) is None
