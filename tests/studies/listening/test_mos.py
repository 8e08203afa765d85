import numpy as np
import pytest
from scipy import stats

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.mos import mean_opinions, read_opinions
from musqa_pipeline.studies.listening.ratings import Rating, Ratings, read_webmushra
from musqa_pipeline.studies.listening.screening import screen
from musqa_pipeline.studies.listening.settings import ScreeningSettings
from tests import SHARED
from tests.studies.listening.listeners import deserved, write_key, write_results

VINYL = SHARED / "vinylset" / "vinylset_MOS.txt"
VINYL_COLUMNS = {"file": "filename", "mos": "label", "ci": "CI"}


def test_opinions_are_means_over_listeners_with_students_interval():
    scores = {"a": 50.0, "b": 62.0, "c": 71.0, "d": 55.0}
    ratings = Ratings(tuple(Rating(who, "x.wav", score) for who, score in scores.items()))
    (found,) = mean_opinions(ratings)
    oracle = stats.ttest_1samp(list(scores.values()), 0).confidence_interval(0.95)
    assert (found.mos, found.n_raters) == (59.5, 4)
    assert found.half_width == pytest.approx((oracle.high - oracle.low) / 2)
    assert found.sd == pytest.approx(np.std(list(scores.values()), ddof=1))


def test_who_rates_twice_counts_once():
    ratings = Ratings(
        (
            Rating("a", "x.wav", 40.0),
            Rating("a", "x.wav", 60.0, presentation=2),
            Rating("b", "x.wav", 80.0),
        )
    )
    (found,) = mean_opinions(ratings)
    assert (found.mos, found.n_raters) == (65.0, 2)


def test_screening_brings_opinions_closer_to_what_excerpts_deserve(tmp_path):
    key = write_key(tmp_path / "key.csv")
    faults = [None] * 15 + ["all_top", "reference_mid_scale", "anchor_above_mid_anchor"] * 3
    ratings = read_webmushra(write_results(tmp_path / "mushra.csv", faults), key)
    gone = {r.rater for r in screen(ratings, ScreeningSettings())}
    assert len(gone) == 9
    opinions = {o.file: o for o in mean_opinions(ratings.without(sorted(gone)))}
    assert len(opinions) == 42  # repeated ones are no excerpts of their own
    errors, errors_all, covered = [], [], []
    for o in mean_opinions(ratings):
        truth, kept = deserved(o.recording, o.condition), opinions[o.file]
        errors.append(abs(kept.mos - truth))
        errors_all.append(abs(o.mos - truth))
        if o.condition != "reference":
            covered.append(abs(kept.mos - truth) <= kept.half_width)
    assert opinions["song0-process_3.wav"].n_raters == 15
    assert np.mean(errors) < 0.5 * np.mean(errors_all)
    assert np.mean(covered) > 0.85


def test_one_listener_has_an_opinion_without_interval_and_none_has_none():
    (found,) = mean_opinions(Ratings((Rating("a", "x.wav", 40.0),)))
    assert (found.mos, found.half_width, found.sd) == (40.0, None, None)
    with pytest.raises(SettingsError, match="no listener is left; look at the rejections, or loo"):
        mean_opinions(Ratings(()))


def test_real_opinions_are_read_and_their_ci_is_the_half_width():
    if not VINYL.exists():
        pytest.skip("no shared/vinylset beside the checkout")
    opinions = read_opinions(VINYL, {**VINYL_COLUMNS, "sd": "std"})
    assert len(opinions) == 620
    # Paper 004, section 2: 10 to 21 listeners a track, about 15. With the half width in `ci`, their
    # number follows from the deviation, and is whole; one row of the file fits nothing.
    n = np.array([(1.96 * o.sd / o.half_width) ** 2 for o in opinions])
    assert np.count_nonzero(np.abs(n - np.rint(n)) < 1e-6) == 619
    assert (n.min(), n.max()) == pytest.approx((10, 21))
    assert n.mean() == pytest.approx(15, abs=0.5)
    assert np.mean([2 * o.half_width for o in opinions]) == pytest.approx(0.87, abs=0.005)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,mos,ci\nx,3,-1\n", "ci=-1.0 of x: expected 0 or more"),
        ("file,mos\nx,3\nx,4\n", "names x twice; keep one line of each file"),
        ("file,score\nx,3\n", "no column mos; it has: file, score"),
    ],
)
def test_opinions_that_cannot_be_used_are_refused(tmp_path, text, said):
    path = tmp_path / "mos.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_opinions(path)
