"""PMQD scored: a made-up tree by discriminators that learned nothing, each number by hand."""

from __future__ import annotations

import csv
import io
import json
import shutil

import librosa
import numpy as np
import polars as pl
import pytest
import soundfile
from scipy import stats
from typer.testing import CliRunner

from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.cli.app import command_line
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.learning.gan.critic import untrained_critic
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.stages.gan_scores.files import Judge
from musqa_pipeline.stages.gan_scores.pmqd import score_pmqd
from musqa_pipeline.studies.listening.pmqd_paper import RATINGS, SUBSETS
from tests.catalogs.readers import trees
from tests.catalogs.readers.trees import rewrite
from tests.stages.gan_scores.small_scores import publish_untrained
from tests.stages.gans.small_gans import TINY

MEASURES = ("D", "MSE", "SF 48k", "SF 16k", "I", "temporal SD")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Twenty segments of four songs, two of them of a genre that the judge does not know."""
    folder = trees.pmqd_segments(tmp_path_factory.mktemp("pmqd"))
    ratings = iter(np.round(2 * np.random.default_rng(3).uniform(1, 5, 20)) / 2)
    rewrite(
        folder,
        lambda row: {
            **row,
            "title": f"{row['title']} at {row['sample_start']}",
            "genre": "Jazz" if row["artist"] == "Ann" else "Blues",
            "rating": str(next(ratings)),
        },
    )
    return folder


@pytest.fixture
def folder(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "pmqd")
    return tmp_path / "pmqd"


@pytest.fixture(scope="module")
def judge():
    originals = pl.DataFrame(schema={"score": pl.Float64, "mean_genre_score": pl.Float64})
    critic = untrained_critic(GanRecipe(**TINY, n_genres=2), 1)
    return Judge("tiny-0", critic, ("Jazz", "Rock"), originals)


@pytest.fixture(scope="module")
def scored(judge, tree):
    return score_pmqd(judge, tree)


def rows_of(folder):
    with (folder / "pmqd.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def sound(folder, name):
    return soundfile.read(folder / "audio" / name, dtype="float32")[0]


def test_each_segment_is_scored_as_its_genre_and_a_new_one_as_the_mean_genre(judge, scored, tree):
    found = {one.segment.file: one.scores["D"] for one in scored.segments}
    rows = rows_of(tree)
    assert len(found) == len(rows) == 20
    pcm = np.stack([pcm_at_rate(sound(tree, row["sample_filename"]), 16_000) for row in rows])
    as_jazz, as_mean = judge.critic.score(pcm, [0] * 20), judge.critic.score(pcm)
    assert np.abs(as_jazz - as_mean).max() > 1e-3
    known = np.array([row["genre"] == "Jazz" for row in rows])
    np.testing.assert_allclose(
        [found[f"audio/{row['sample_filename']}"] for row in rows],
        np.where(known, as_jazz, as_mean),
        atol=1e-5,
    )
    assert scored.as_mean_genre == ("Blues",)
    assert scored.n_missing == 0


def test_measures_beside_it_are_the_papers(scored, tree):
    for one in scored.segments:
        name = one.segment.file.removeprefix("audio/")
        original = sound(tree, f"{name[:2].removesuffix('.')}.wav")
        x = sound(tree, name)
        difference = x.astype(np.float64) - original
        assert one.scores["MSE"] == pytest.approx(np.mean(difference**2), abs=1e-15)
        narrow = pcm_at_rate(x, 16_000) / 32_768
        for measure, samples in (("SF 48k", x.T), ("SF 16k", narrow)):
            flatness = librosa.feature.spectral_flatness(y=samples.astype(np.float64))
            assert one.scores[measure] == pytest.approx(flatness.mean(), abs=1e-6)
        assert one.scores["I"] == one.segment.intensity
    assert [one.scores["MSE"] == 0 for one in scored.segments] == [
        one.segment.kind == "original" for one in scored.segments
    ]


def test_the_table_correlates_these_scores_with_the_ratings_of_the_csv(scored, tree):
    rows = rows_of(tree)
    scores = {one.segment.file: one.scores for one in scored.segments}
    table = {(line.score, line.of): line for line in scored.table()}
    assert list(table) == [(name, of) for name in MEASURES for of in SUBSETS]
    for of, chosen in {
        "all": rows,
        "noise": [row for row in rows if row["degradation_type"] == "noise"],
        "Jazz": [row for row in rows if row["genre"] == "Jazz"],
    }.items():
        for name in MEASURES:
            expected = stats.spearmanr(
                [scores[f"audio/{row['sample_filename']}"][name] for row in chosen],
                [float(row["rating"]) for row in chosen],
            )
            line = table[name, of]
            assert line.spearman == pytest.approx(expected.statistic, abs=1e-9)
            assert line.p == pytest.approx(expected.pvalue, rel=1e-5)
            assert line.n == len(chosen)
    assert table["D", "all"].n_recordings == 4
    assert table["D", "all"].low <= table["D", "all"].spearman <= table["D", "all"].high
    assert (table["D", "Jazz"].n_recordings, table["D", "Jazz"].low) == (2, None)
    assert table["D", "Rock"].n == 0


def test_a_segment_whose_original_is_not_there_has_no_mse_and_all_else(judge, folder, scored):
    gone = next(row for row in rows_of(folder) if row["degradation_type"] == "original")
    (folder / "audio" / gone["sample_filename"]).unlink()
    found = score_pmqd(judge, folder)
    assert found.n_missing == 1
    table = {(line.score, line.of): line for line in found.table()}
    assert [table[name, "all"].n for name in MEASURES] == [19, 15, 19, 19, 19, 19]
    whole = {one.segment.file: one.scores["D"] for one in scored.segments}
    assert all(one.scores["D"] == whole[one.segment.file] for one in found.segments)


@pytest.mark.parametrize(
    ("rating", "message"),
    [("", "rating='' of 0: expected 1 to 5; get the table again"), ("6", "rating='6' of 0")],
)
def test_a_rating_that_is_none_is_named(judge, folder, rating, message):
    rewrite(folder, lambda row: {**row, "rating": rating})
    with pytest.raises(CatalogError, match=message):
        score_pmqd(judge, folder)


def test_a_folder_that_cannot_be_scored_says_why(judge, folder, tmp_path):
    with pytest.raises(CatalogError, match=r"pmqd\.csv"):
        score_pmqd(judge, tmp_path)
    name = rows_of(folder)[0]["sample_filename"]
    soundfile.write(folder / "audio" / name, np.zeros((1_000, 2)), 48_000)
    with pytest.raises(CatalogError, match=rf"{name} has 1,000 samples at 48 kHz"):
        score_pmqd(judge, folder)
    for file in (folder / "audio").iterdir():
        file.unlink()
    with pytest.raises(CatalogError, match="none of its 20 segments is there; get its audio"):
        score_pmqd(judge, folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home") / "lake"
    publish_untrained(home)
    return home


@pytest.fixture
def gan_pmqd(home, monkeypatch):
    monkeypatch.setenv("MUSQA_HOME", str(home))
    return lambda *words: CliRunner().invoke(command_line("gan"), ["gan", "pmqd", *map(str, words)])


def test_the_command_prints_table_2_with_ours_and_what_ratings_are(gan_pmqd, tree):
    shown = gan_pmqd(tree, "--run", "tiny-0")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert len(lines) == 1 + len(MEASURES) * len(SUBSETS) + 2
    assert lines[0].split() == [
        "run", "score", "of", "spearman", "low", "high", "p", "n", "n", "recordings", "paper",
    ]  # fmt: skip
    rock = next(line for line in lines if " D " in line and " Rock " in line)
    assert "not run" in rock
    assert rock.endswith("0.304")
    assert lines[-2] == "tiny-0 has no class Blues, Jazz: asked as the mean genre"
    assert lines[-1] == RATINGS


def test_json_and_csv_are_the_same_table_and_nothing_else(gan_pmqd, tree, folder):
    rows = [json.loads(line) for line in gan_pmqd(tree, "--json").stdout.splitlines()]
    assert len(rows) == len(MEASURES) * len(SUBSETS)
    ours = next(row for row in rows if (row["score"], row["of"]) == ("D", "all"))
    assert (ours["run"], ours["n"], ours["n_recordings"], ours["paper"]) == ("tiny-0", 20, 4, 0.426)
    rock = next(row for row in rows if (row["score"], row["of"]) == ("D", "Rock"))
    assert (rock["spearman"], rock["p"], rock["n"], rock["paper"]) == (None, None, 0, 0.304)
    (folder / "audio" / rows_of(folder)[3]["sample_filename"]).unlink()
    done = gan_pmqd(folder, "--csv")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(lines) == len(rows)
    assert next(line["n"] for line in lines if line["of"] == "all") == "19"
    assert "1 files of the table are not there" in done.stderr
    assert RATINGS in done.stderr
    both = gan_pmqd(tree, "--json", "--csv")
    assert both.exit_code == 2
    assert "give --json or --csv" in both.stderr


def test_an_unknown_run_or_a_wrong_folder_ends_with_a_sentence(gan_pmqd, tree, tmp_path):
    ended = gan_pmqd(tree, "--run", "mine-0")
    assert ended.exit_code != 0
    assert "--run 'mine-0': there is tiny-0" in str(ended.exception)
    wrong = gan_pmqd(tmp_path)
    assert wrong.exit_code != 0
    assert "pmqd.csv" in str(wrong.exception)
