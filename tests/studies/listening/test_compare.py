import re
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.compare import compare, match, read_predictions
from musqa_pipeline.studies.listening.mos import Opinion, read_opinions
from musqa_pipeline.studies.listening.picture import draw
from tests.studies.listening.test_mos import VINYL, VINYL_COLUMNS


def some_opinions(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Opinion(f"x/{i}.wav", mos, 5.0, 15, 9.0, "process_3", f"song{i // 5}")
        for i, mos in enumerate(rng.uniform(10, 95, n))
    ]


def by_name(found):
    return {(e.metric, e.mapped): e for e in found}


def test_every_metric_comes_as_it_is_and_mapped_with_intervals_over_recordings():
    opinions = some_opinions()
    rng = np.random.default_rng(1)
    predictions = {o.file: 1 + 3.7 * (o.mos / 100) ** 2 + rng.normal(0, 0.1) for o in opinions}
    matched = match(opinions, predictions)
    found = by_name(compare(matched, n_draws=100))
    assert {e.interval for e in found.values()} == {"recordings"}
    plain = found["pearson", False]
    oracle = stats.pearsonr(matched.mos, matched.predicted)
    assert plain.value == pytest.approx(oracle.statistic)
    assert plain.low < plain.value < plain.high
    # On another scale the error says nothing; mapped, it does, and RMSE* forgives the listeners.
    assert found["rmse", False].value > 40
    assert found["rmse", True].value < 6
    assert found["rmse_star", True].value < 0.5 * found["rmse", True].value
    assert found["pearson", True].value > plain.value
    assert found["spearman", True].value == pytest.approx(found["spearman", False].value)


def test_without_recordings_or_intervals_formulas_stand_in_and_rmse_star_is_left_out():
    opinions = [Opinion(o.file, o.mos, None, None, None) for o in some_opinions()]
    found = by_name(compare(match(opinions, {o.file: o.mos / 2 for o in opinions})))
    assert found["pearson", False].interval == "fisher_z"
    assert found["rmse", True].interval == "chi_square"
    assert ("rmse_star", False) not in found


def test_hidden_references_count_on_request_only():
    opinions = [*some_opinions(), Opinion("ref.wav", 99.0, 1.0, 15, 1.0, "reference", "song0")]
    predictions = {o.file: o.mos for o in opinions}
    assert len(match(opinions, predictions).opinions) == 40
    assert len(match(opinions, predictions, references=True).opinions) == 41
    assert match(opinions, predictions).n_without_opinion == 0


def test_files_match_by_name_where_folders_differ():
    opinions = some_opinions()
    predictions = {f"/elsewhere/{i}.wav": float(i) for i in range(30)}
    predictions["/elsewhere/other.wav"] = 3.0
    matched = match(opinions, predictions)
    np.testing.assert_array_equal(matched.predicted, np.arange(30.0))
    assert (matched.n_without_prediction, matched.n_without_opinion) == (10, 1)


def test_what_does_not_match_is_refused_with_examples():
    with pytest.raises(
        SettingsError, match=r"0 of 40 rated .* example, x/0.wav in the ratings and"
    ):
        match(some_opinions(), {"y.wav": 1.0})
    ambiguous = {f"{folder}/{i}.wav": 1.0 for folder in "ab" for i in range(40)}
    with pytest.raises(SettingsError, match="0 of 40 rated excerpts have a prediction: expected 5"):
        match(some_opinions(), ambiguous)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,predicted\nx,1\nx,2\n", "names x twice; keep one line of each file"),
        ("file,score\nx,1\n", "no column predicted; it has: file, score"),
        ("file,predicted\nx,\n", "predicted='' of file x, predicted  is no number"),
    ],
)
def test_predictions_that_cannot_be_used_are_refused(tmp_path, text, said):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_predictions(path)


def test_a_guess_as_good_as_another_panel_is_measured_on_real_opinions():
    if not VINYL.exists():
        pytest.skip("no shared/vinylset beside the checkout")
    opinions = read_opinions(VINYL, VINYL_COLUMNS)
    rng = np.random.default_rng(3)
    # Another panel of the same size would err by the standard error of these means.
    panel = {o.file: o.mos + rng.normal(0, o.half_width / 1.96) for o in opinions}
    found = by_name(compare(match(opinions, panel)))
    error = np.sqrt(np.mean([(o.half_width / 1.96) ** 2 for o in opinions]))
    assert found["rmse", False].value == pytest.approx(error, rel=0.1)
    assert found["rmse_star", False].value < 0.25 * found["rmse", False].value
    spread = np.var([o.mos for o in opinions], ddof=1)
    assert found["pearson", False].value == pytest.approx(
        np.sqrt(spread / (spread + error**2)), abs=0.03
    )
    assert found["ranking_accuracy", False].value > 0.97
    # By chance: no correlation, half of the pairs; the mapping then says the mean to all.
    guess = {o.file: rng.normal() for o in opinions}
    chance = by_name(compare(match(opinions, guess)))
    assert abs(chance["pearson", False].value) < 0.1
    assert chance["ranking_accuracy", False].value == pytest.approx(0.5, abs=0.06)
    assert chance["rmse", True].value == pytest.approx(np.sqrt(spread), rel=0.02)


def test_the_picture_is_the_same_each_time_and_names_what_it_shows(tmp_path):
    opinions = some_opinions()
    opinions[0] = Opinion("x/0.wav", 20.0, 4.0, 15, 8.0, "anchor_3500", "song0")
    matched = match(opinions, {o.file: o.mos + 3 for o in opinions})
    for name in ("a.svg", "a.png"):
        draw(matched, tmp_path / name, title="a model")
        first = (tmp_path / name).read_bytes()
        draw(matched, tmp_path / name, title="a model")
        assert (tmp_path / name).read_bytes() == first
    text = (tmp_path / "a.svg").read_text()
    for words in ("3.5 kHz anchor (1)", "excerpts (39)", "monotone mapping", "a model"):
        assert words in text
    ElementTree.fromstring(text)  # a whole document
    used, defined = (set(re.findall(p, text)) for p in (r"var\((--\w+)\)", r"(--\w+):"))
    assert used <= defined
    assert {"#2f74c0", "#d9822b"} <= set(re.findall(r"#\w{6}", text))  # a colour a kind
    with pytest.raises(SettingsError, match=r"a.pdf: expected a name that ends in .svg or .png"):
        draw(matched, tmp_path / "a.pdf")
    with pytest.raises(SettingsError, match=r"a.svg cannot be written \(No such file"):
        draw(matched, tmp_path / "none" / "a.svg")
