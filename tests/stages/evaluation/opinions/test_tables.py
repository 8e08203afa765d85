"""Ranks of metrics on made-up rows, with known answers."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.evaluation.opinions.tables import (
    N_QUARRELS,
    lowpasses_in_order,
    name_of,
    quarrels,
    slices_of,
)

SETTINGS = EvaluationSettings(n_bootstrap=200)
NAMES = ["ViSQOL", "NLPD", "other"]
CUTS_HZ = [3500.0, 5000.0, 7000.0, 9000.0]
WHAT = [
    *((1, "lowpass", cut) for cut in CUTS_HZ),
    (0, "reference", None), (1, "mp3", None), (2, "mp3", None), (1, "resample", None),
    (1, "echo", None), (1, "opus", None),
]  # fmt: skip


def rows(n_references=6, said=None):
    made = []
    rng = np.random.default_rng(0)
    for reference in range(n_references):
        for number, (depth, codec, cut) in enumerate(WHAT):
            scores = {"ViSQOL": number / 3, "NLPD": number / 3 + reference, "other": rng.normal()}
            made.append(
                {
                    "catalog": "c", "excerpt_id": f"r{reference}", "recording": f"song {reference}",
                    "degraded_id": f"r{reference}-{number}", "depth": depth, "codec": codec,
                    "cutoff_hz": cut, "reference": "full band",
                }
                | scores
                | (said(reference, number) if said else {})
            )  # fmt: skip
    return pl.DataFrame(made)


def test_all_rows_have_spearmans_coefficient_with_an_interval_over_recordings():
    table = rows()
    (whole, within) = slices_of(table, NAMES, SETTINGS)["all"]
    assert (whole.n_rows, whole.n_recordings) == (60, 6)
    found = whole.spearman["ViSQOL", "NLPD"]
    assert found.value == pytest.approx(stats.spearmanr(table["ViSQOL"], table["NLPD"]).statistic)
    assert found.low < found.value < found.high
    assert list(whole.spearman) == [("ViSQOL", "NLPD"), ("ViSQOL", "other"), ("NLPD", "other")]
    assert (within.n_rows, within.n_recordings) == (60, 6)


def test_within_references_the_music_plays_no_part():
    (whole, within) = slices_of(rows(), NAMES, SETTINGS)["all"]
    assert whole.spearman["ViSQOL", "NLPD"].value < 0.9
    assert within.spearman["ViSQOL", "NLPD"].value == pytest.approx(1)
    each = [stats.spearmanr(part["ViSQOL"], part["other"]).statistic
            for part in rows().partition_by("excerpt_id")]  # fmt: skip
    assert within.spearman["ViSQOL", "other"].value == pytest.approx(np.mean(each))
    few = slices_of(rows().group_by("excerpt_id").head(3), NAMES, SETTINGS)["all"][1]
    assert (few.n_rows, few.spearman["ViSQOL", "NLPD"].value) == (0, None)


def test_kinds_and_codecs_divide_the_rows():
    found = slices_of(rows(), NAMES, SETTINGS)
    assert {part.title: part.n_rows for part in found["kind"]} == {
        "cascades": 6, "codecs": 12, "effects": 6, "low-passes": 24, "resampling": 6,
        "untouched": 6,
    }  # fmt: skip
    assert {part.title: part.n_rows for part in found["codec"]} == {"MP3": 12, "Opus": 6}
    few = next(part for part in found["codec"] if part.title == "Opus")
    assert few.spearman["ViSQOL", "NLPD"].value is None  # six rows are too few
    lowpassed = rows().filter(codec="lowpass")
    part = next(part for part in found["kind"] if part.title == "low-passes")
    expected = stats.spearmanr(lowpassed["NLPD"], lowpassed["other"]).statistic
    assert part.spearman["NLPD", "other"].value == pytest.approx(expected)


def test_lowpasses_are_in_order_where_wider_scores_higher():
    def said(reference, number):
        # NLPD mixes up the two widest of one reference, and puts it above the untouched.
        return {"NLPD": {2: 9.0, 3: 8.0}.get(number, number)} if reference == 0 else {}

    table = rows(said=said).with_columns(
        reference=pl.when(excerpt_id="r5").then(pl.lit("dark")).otherwise("reference")
    )
    found = {row["metric"]: row for row in lowpasses_in_order(table, NAMES)}
    assert found["ViSQOL"] == {
        "metric": "ViSQOL", "n_right": 20, "n_steps": 20, "n_references_right": 5,
        "n_references": 5,
    }  # fmt: skip
    assert (found["NLPD"]["n_right"], found["NLPD"]["n_references_right"]) == (18, 4)
    assert found["other"]["n_right"] < 20
    near = table.with_columns(cutoff_hz=pl.lit(5000.0))
    assert {row["n_steps"] for row in lowpasses_in_order(near, NAMES)} == {5}  # to the untouched
    assert lowpasses_in_order(table.filter(codec="mp3"), NAMES) == []


def test_quarrels_are_the_rows_whose_ranks_lie_farthest_apart_one_a_reference():
    def said(reference, number):
        place = 10 * reference + number
        apart = -1 if (reference, number) in {(3, 2), (3, 1)} else place
        return {"ViSQOL": place, "NLPD": 7.0 * place, "other": apart if number == 2 else place}

    table = rows(said=said)
    found = quarrels(table, NAMES)
    assert len(found) == 6
    assert len({row["excerpt_id"] for row in found}) == 6
    first = found[0]
    assert (first["excerpt_id"], first["degraded_id"]) == ("r3", "r3-2")
    assert first["rank"]["ViSQOL"] == pytest.approx(100 * 32.5 / 60)
    assert first["rank"]["other"] == pytest.approx(100 * 0.5 / 60)
    assert len(quarrels(rows(30), NAMES)) == N_QUARRELS == 20


def test_metrics_have_names_for_people():
    assert name_of("nlpd 1") == "NLPD"
    assert name_of("zimtohrli 0.2.1") == "Zimtohrli"
    assert name_of("new_one 3") == "new_one 3"
