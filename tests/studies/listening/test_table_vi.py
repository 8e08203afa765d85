"""Made-up listeners whose table VI is known by hand, with SciPy beside it.

Opinions are 50 ± 20 in a Hadamard pattern x; a network says 50 + offset + 20 (b x + c e), where the
pattern e is as long as x and at a right angle to it. Then r = b / √(b² + c²), and the squared error
is offset² + 400 ((b - 1)² + c²).
"""

import json
import math

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import hadamard

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.compare import read_repetitions
from musqa_pipeline.studies.listening.mos import Opinion
from musqa_pipeline.studies.listening.table_vi import beside_table_vi
from musqa_pipeline.studies.listening.table_vi_lines import (
    COLUMNS,
    LITERATURE_R,
    TABLE_VI,
)
from musqa_pipeline.studies.statistics.bootstrap import recording_counts, resamples

PATTERNS = hadamard(16)
X, E = PATTERNS[1], PATTERNS[2]


def opinions_of(values, n_recordings=0):
    names = [f"song {i % n_recordings}" if n_recordings else "" for i in range(len(values))]
    return [
        Opinion(f"{i}.wav", float(value), 4.0, 15, 8.0, "process_3", name)
        for i, (value, name) in enumerate(zip(values, names, strict=True))
    ]


def says(offset, b, c):
    return {f"{i}.wav": float(v) for i, v in enumerate(50 + offset + 20 * (b * X + c * E))}


OPINIONS = opinions_of(50 + 20 * X)
# (offset, b, c) of each repetition: r = 3/5 and 4/5; twice 3/5; and one alone.
KNOWN = {
    ("vgg19", 0): (0, 0.6, 0.8),
    ("vgg19", 1): (6, 0.8, 0.6),
    ("cnn1d", 0): (0, 0.6, 0.8),
    ("cnn1d", 1): (0, 1.2, 1.6),
    ("mine", 4): (3, 1.0, 0.0),
}


@pytest.fixture(scope="module")
def beside():
    return beside_table_vi(OPINIONS, {key: says(*numbers) for key, numbers in KNOWN.items()})


@pytest.fixture(scope="module")
def rows(beside):
    return {(r["row"], r["model"], r["other"], r["metric"]): r for r in beside.rows()}


def test_means_and_deviations_are_those_of_the_formulas(rows):
    r = rows["mean", "vgg19", None, "pearson"]
    assert (r["n"], r["value"]) == (2, pytest.approx(0.7))
    assert r["sd"] == pytest.approx(0.2 / math.sqrt(2))
    assert (r["paper_value"], r["paper_sd"]) == (0.893, 0.036)
    # √(400 (0.16 + 0.64)) and √(36 + 400 (0.04 + 0.36))
    errors = math.sqrt(320), 14.0
    rmse = rows["mean", "vgg19", None, "rmse"]
    assert rmse["value"] == pytest.approx(sum(errors) / 2)
    assert rmse["sd"] == pytest.approx((errors[0] - errors[1]) / math.sqrt(2))
    assert rows["mean", "cnn1d", None, "pearson"]["value"] == pytest.approx(0.6)
    assert rows["mean", "cnn1d", None, "pearson"]["sd"] == pytest.approx(0, abs=1e-12)
    mine = rows["mean", "mine", None, "rmse"]
    assert (mine["n"], mine["value"], mine["sd"]) == (1, pytest.approx(3.0), None)
    assert rows["mean", "mine", None, "spearman"]["value"] == pytest.approx(1.0)


def test_the_paired_t_is_the_one_of_pencil_and_paper(rows):
    # Differences 0 and 0.2: mean 0.1, standard error 0.1, t = 1 with one degree: p is a half.
    test = rows["paired_t", "cnn1d", "vgg19", "pearson"]
    assert test["value"] == pytest.approx(-0.1)
    assert test["statistic"] == pytest.approx(-1.0)
    assert (test["n"], test["df"]) == (2, 1)
    assert test["p_value"] == pytest.approx(0.5)
    # 0.6 twice against 0.6 and 0.8: the pooled error is 0.1, too, with two degrees.
    assert test["unpaired_p_value"] == pytest.approx(1 - 1 / math.sqrt(3))


def test_the_one_sample_t_is_the_one_of_pencil_and_paper(rows):
    # 0.6 and 0.8 against 0.834: -0.134 over 0.1, by Cauchy's distribution.
    test = rows["one_sample_t", "vgg19", "0.834", "pearson"]
    assert test["value"] == pytest.approx(-0.134)
    assert test["statistic"] == pytest.approx(-1.34)
    assert test["p_value"] == pytest.approx(1 - 2 * math.atan(1.34) / math.pi)


def test_the_papers_own_tests_stand_beside_ours(rows):
    # Section IV.B and C of the paper, within the rounding of its table.
    printed = {
        ("paired_t", "cnn1d", "vgg19", "pearson"): (-0.079, 9.3e-5),
        ("paired_t", "cnn1d", "vgg19", "rmse"): (3.73, 1.1e-5),
        ("one_sample_t", "vgg19", "0.834", "pearson"): (0.059, 2.09e-5),
    }
    for key, (difference, p) in printed.items():
        assert rows[key]["paper_value"] == pytest.approx(difference)
        assert rows[key]["paper_p_value"] == pytest.approx(p, rel=0.15)
    assert rows["paired_t", "inception_v3", "vgg19", "pearson"]["paper_p_value"] > 0.05
    assert rows["paired_t", "inception_v3", "vgg19", "pearson"]["p_value"] is None
    assert LITERATURE_R == 0.834
    assert list(TABLE_VI) == ["cnn1d", "inception_v3", "vgg19"]


def test_every_number_is_scipys():
    rng = np.random.default_rng(8)
    mos = rng.uniform(10, 95, 30)
    predictions = {
        (model, i): {f"{k}.wav": float(v) for k, v in enumerate(mos + rng.normal(bias, noise, 30))}
        for model, bias, noise in (("a", 0, 8), ("b", -5, 20))
        for i in range(6)
    }
    beside = beside_table_vi(opinions_of(mos), predictions)
    rows = {(r["row"], r["model"], r["metric"]): r for r in beside.rows()}
    oracle = {
        "pearson": lambda p: stats.pearsonr(mos, p).statistic,
        "spearman": lambda p: stats.spearmanr(mos, p).statistic,
        "rmse": lambda p: math.sqrt(np.mean((p - mos) ** 2)),
    }
    for metric, compute in oracle.items():
        values = {
            model: [compute(np.array(list(predictions[model, i].values()))) for i in range(6)]
            for model in "ab"
        }
        for model, own in values.items():
            assert rows["mean", model, metric]["value"] == pytest.approx(np.mean(own))
            assert rows["mean", model, metric]["sd"] == pytest.approx(np.std(own, ddof=1))
        paired = stats.ttest_rel(values["a"], values["b"])
        found = rows["paired_t", "a", metric]
        assert (found["statistic"], found["df"], found["p_value"]) == pytest.approx(
            (paired.statistic, paired.df, paired.pvalue)
        )
        unpaired = stats.ttest_ind(values["a"], values["b"])
        assert found["unpaired_p_value"] == pytest.approx(unpaired.pvalue)
        if metric == "pearson":
            one = stats.ttest_1samp(values["b"], 0.834)
            found = rows["one_sample_t", "b", metric]
            assert (found["statistic"], found["df"], found["p_value"]) == pytest.approx(
                (one.statistic, one.df, one.pvalue)
            )


def noisy(mos, n_repetitions, seed=2):
    rng = np.random.default_rng(seed)
    return {
        ("vgg19", i): {f"{k}.wav": float(v) for k, v in enumerate(mos + rng.normal(0, 6, len(mos)))}
        for i in range(n_repetitions)
    }


def test_shuffled_opinions_are_not_predicted_and_it_says_so():
    mos = np.random.default_rng(1).uniform(10, 95, 60)
    predictions = noisy(mos, 15)

    def found(values):
        lines = list(beside_table_vi(opinions_of(values, 20), predictions, n_draws=200).rows())
        r = next(x for x in lines if (x["model"], x["metric"]) == ("vgg19", "pearson"))
        test = next(x for x in lines if (x["row"], x["model"]) == ("one_sample_t", "vgg19"))
        return r, test

    true, above = found(mos)
    assert true["value"] > 0.95
    assert 0.9 < true["low"] < true["high"]
    assert above["value"] > 0.1
    assert above["p_value"] < 1e-10
    means, held = [], []
    for seed in range(12):
        shuffled, below = found(np.random.default_rng(seed).permutation(mos))
        means.append(shuffled["value"])
        held.append(shuffled["low"] < 0 < shuffled["high"])
        assert below["value"] < -0.4
        assert below["p_value"] < 1e-10
    assert abs(np.mean(means)) < 0.1
    assert max(np.abs(means)) < 0.4
    assert sum(held) >= 9


def test_intervals_are_of_the_mean_over_repetitions_in_resampled_recordings():
    mos = np.random.default_rng(1).uniform(10, 95, 60)
    opinions, predictions = opinions_of(mos, 6), noisy(mos, 3)
    beside = beside_table_vi(opinions, predictions, n_draws=200, seed=7)
    assert (beside.n_files, beside.n_recordings) == (60, 6)
    columns = [mos, *(np.array(list(p.values())) for p in predictions.values())]
    index = np.unique([o.recording for o in opinions], return_inverse=True)[1]
    counts = recording_counts(6, 200, "listening", 7)
    means = [
        np.mean([stats.pearsonr(x, p).statistic for p in others])
        for x, *others in resamples(columns, index, counts)
    ]
    line = next(m for m in beside.means if (m.model, m.metric) == ("vgg19", "pearson"))
    assert (line.low, line.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
    assert beside_table_vi(opinions_of(mos), predictions).means[-1].low is None


def test_what_has_no_number_is_said_in_words(beside):
    assert beside.remarks == [
        "mine: one repetition, so no deviation and no t test; train it again under [protocols] "
        "repetitions"
    ]
    flat = {("flat", i): dict.fromkeys(says(0, 1, 1), 40.0) for i in range(2)}
    beside = beside_table_vi(OPINIONS, flat)
    assert beside.remarks == [
        "flat: no pearson and no spearman, because to a repetition, or to the listeners, all "
        "stimuli are alike"
    ]
    rows = {(r["row"], r["model"], r["metric"]): r for r in beside.rows()}
    assert rows["mean", "flat", "pearson"]["value"] is None
    assert rows["mean", "flat", "rmse"]["value"] == pytest.approx(math.sqrt(500))
    assert {r["model"] for r in beside.rows() if r["row"] != "mean"} == set(TABLE_VI)
    assert rows["mean", "vgg19", "pearson"]["n"] == 0


def test_variants_stand_beside_the_papers_network_under_their_own_names():
    names = ("mine", "vgg19_frozen_stem", "vgg19-random-backbone", "cnn1d")
    predictions = {(name, i): says(i, 0.6 + i / 10, 0.5) for name in names for i in range(2)}
    beside = beside_table_vi(OPINIONS, predictions)
    assert list(dict.fromkeys(line.model for line in beside.means)) == [
        "cnn1d", "inception_v3", "vgg19_frozen_stem", "vgg19-random-backbone", "mine",
    ]  # fmt: skip
    rows = {(r["row"], r["model"], r["other"], r["metric"]): r for r in beside.rows()}
    for name in names[1:3]:
        assert rows["mean", name, None, "pearson"]["paper_value"] == 0.893
        difference = rows["paired_t", "cnn1d", name, "pearson"]["paper_value"]
        assert difference == pytest.approx(-0.079)
        assert rows["one_sample_t", name, "0.834", "pearson"]["paper_value"] > 0.05
    assert rows["paired_t", *names[1:3], "pearson"]["paper_value"] is None
    assert rows["mean", "mine", None, "pearson"]["paper_value"] is None


def test_hidden_references_are_left_out_as_in_the_paper():
    reference = Opinion("ref.wav", 100.0, 1.0, 15, 1.0, "reference")
    predictions = {("a", 0): {**says(0, 1, 0), "ref.wav": 0.0}}
    assert beside_table_vi([*OPINIONS, reference], predictions).n_files == 16
    assert beside_table_vi([*OPINIONS, reference], predictions, references=True).n_files == 17


def test_repetitions_that_heard_other_stimuli_are_refused():
    fewer = dict(list(says(0, 1, 0).items())[:-1])
    with pytest.raises(
        SettingsError, match=r"a, repetition 0, and a, repetition 1, predict other .* \(16 and 15\)"
    ):
        beside_table_vi(OPINIONS, {("a", 0): says(0, 1, 0), ("a", 1): fewer})
    with pytest.raises(SettingsError, match="there are no predictions to hold against listeners"):
        beside_table_vi(OPINIONS, {})


def test_rows_are_plain(beside):
    for row in beside.rows():
        assert tuple(row) == COLUMNS
        json.dumps(row)


def test_repetitions_are_read_by_network_and_number(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("file,model,repetition,predicted\nx,a,0,1\nx,a,1,2\nx,b,,3\n")
    assert read_repetitions(path) == {
        ("a", 0): {"x": 1.0},
        ("a", 1): {"x": 2.0},
        ("b", 0): {"x": 3.0},
    }
    for lines, said in (
        ("x,a,0.5,1\n", "repetition=0.5 of x: expected a whole number"),
        ("x,a,1,1\nx,a,1,2\n", "two lines of x by a, repetition 1; keep one"),
        ("x,a,one,1\n", "repetition='one' of file x, model a, repetition one is no number"),
    ):
        path.write_text(f"file,model,repetition,predicted\n{lines}")
        with pytest.raises(SettingsError, match=said):
            read_repetitions(path)
