"""Table 2 of paper 000: scores against ratings, as SciPy has it, by subset; what is missing."""

import numpy as np
import pytest
from scipy import stats

from musqa_pipeline.studies.listening.pmqd_paper import ALL, GENRES, KINDS, PAPER, SUBSETS, D
from musqa_pipeline.studies.listening.pmqd_table import with_ratings

N_SONGS = 30
RNG = np.random.default_rng(18)
KIND = np.array(["original", *KINDS] * N_SONGS)
GENRE = np.repeat([["Jazz", "Hip Hop", "Rock"][n % 3] for n in range(N_SONGS)], 5)
SONG = np.repeat([f"song {n}" for n in range(N_SONGS)], 5)
RATING = np.round(2 * RNG.uniform(1, 5, len(KIND))) / 2
SCORE = RATING + RNG.normal(0, 2, len(KIND))


def table(scores, rating=RATING, recording=SONG, **settings):
    about = {"kind": KIND, "genre": GENRE, "recording": recording, **settings}
    return {(line.score, line.of): line for line in with_ratings(scores, rating, **about)}


@pytest.mark.parametrize(
    ("of", "rows"),
    [
        (ALL, np.full(len(KIND), True)),
        ("noise", KIND == "noise"),
        ("limiter", KIND == "limiter"),
        ("Hip Hop", GENRE == "Hip Hop"),
    ],
)
def test_coefficients_and_their_p_are_those_of_scipy(of, rows):
    found = table({D: SCORE})[D, of]
    expected = stats.spearmanr(SCORE[rows], RATING[rows])
    assert found.spearman == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6)
    assert (found.n, found.n_recordings) == (rows.sum(), len(set(SONG[rows])))
    assert found.low < found.spearman < found.high


def test_intervals_draw_whole_recordings():
    whole = table({D: SCORE})[D, ALL]
    rng, draws = np.random.default_rng(1), []
    rows_of = [np.flatnonzero(song == SONG) for song in np.unique(SONG)]
    for _ in range(1_000):
        rows = np.concatenate([rows_of[n] for n in rng.integers(N_SONGS, size=N_SONGS)])
        draws.append(stats.spearmanr(SCORE[rows], RATING[rows]).statistic)
    expected = np.quantile(draws, [0.025, 0.975])
    assert (whole.low, whole.high) == pytest.approx(expected, abs=0.03)
    two = table({D: SCORE}, recording=np.where(np.arange(len(SONG)) < 70, "a", "b"))[D, ALL]
    assert (two.low, two.high, two.n_recordings) == (None, None, 2)


def test_every_score_has_every_subset_and_the_papers_number_where_there_is_one():
    found = table({D: SCORE, "I": -SCORE, "mine": SCORE})
    assert list(found) == [(name, of) for name in (D, "I", "mine") for of in SUBSETS]
    assert len(SUBSETS) == 13 + 4 + 1
    assert (found[D, "Funk"].paper, found[D, "Funk"].n, found[D, "Funk"].p) == (0.677, 0, None)
    assert found[D, "Funk"].spearman is None
    assert found["I", "noise"].paper == -0.706
    assert found["I", ALL].paper is None
    assert found["mine", ALL].paper is None
    assert found["I", ALL].spearman == pytest.approx(-found[D, ALL].spearman)


def test_what_has_no_score_is_left_out_and_what_does_not_vary_has_no_coefficient():
    some = np.where(GENRE == "Jazz", np.nan, SCORE)
    found = table({"MSE": some, "I": np.zeros(len(KIND))})
    rows = GENRE != "Jazz"
    assert found["MSE", ALL].n == rows.sum()
    expected = stats.spearmanr(SCORE[rows], RATING[rows]).statistic
    assert found["MSE", ALL].spearman == pytest.approx(expected)
    assert (found["MSE", "Jazz"].n, found["MSE", "Jazz"].spearman) == (0, None)
    still = found["I", ALL]
    assert (still.n, still.spearman, still.p, still.low) == (len(KIND), None, None, None)


def test_the_papers_numbers_are_those_that_it_prints():
    assert set(PAPER[D]) == {*GENRES, *KINDS, ALL}  # its p-values hold them: test_intervals.py
    others = {name: dict(of) for name, of in PAPER.items() if name != D}
    assert others == {
        "MSE": {ALL: -0.510},
        "SF 48k": {ALL: -0.473},
        "SF 16k": {ALL: -0.345},
        "I": {"noise": -0.706, "limiter": -0.121, "Hip Hop": -0.361},
    }
