import pytest
from scipy import stats

from musqa_pipeline.studies.statistics.repetitions import (
    Repeated,
    against_number,
    repetition_tests,
)

FOUND = [
    Repeated("cnn1d", "pearson", (0.70, 0.80, 0.75)),
    Repeated("cnn1d", "rmse", (18.0, 15.0, 17.5)),
    Repeated("musqa_net", "pearson", (0.95, 0.96, 0.94)),
    Repeated("musqa_net", "rmse", (7.0, 6.5, 7.5)),
    Repeated("inception_v3", "rmse", (30.0, 31.0)),
]
BOTH = ("pearson", "rmse")


def test_repetitions_are_compared_as_the_paper_does_and_in_pairs():
    tests = repetition_tests(FOUND, ["cnn1d", "musqa_net", "inception_v3"], BOTH)
    by_key = {(t.first, t.second, t.metric): t for t in tests}
    assert len(by_key) == 4  # there is no r of the third
    a, b = (18.0, 15.0, 17.5), (7.0, 6.5, 7.5)
    pair = by_key["cnn1d", "musqa_net", "rmse"]
    assert pair.unpaired.p_value == pytest.approx(stats.ttest_ind(a, b).pvalue)
    assert pair.paired.p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)
    shorter = by_key["cnn1d", "inception_v3", "rmse"].paired
    assert shorter.p_value == pytest.approx(stats.ttest_rel(a[:2], (30.0, 31.0)).pvalue)


def test_pairs_are_made_by_the_number_of_a_repetition_and_not_by_its_place():
    one = Repeated("a", "rmse", (5.0, 6.0, 9.0), (0, 1, 3))
    two = Repeated("b", "rmse", (4.0, 8.0, 7.5), (1, 2, 3))
    (test,) = repetition_tests([one, two], ["a", "b"], BOTH)
    oracle = stats.ttest_rel((6.0, 9.0), (4.0, 7.5))
    assert test.paired.p_value == pytest.approx(oracle.pvalue)
    assert test.paired.degrees_of_freedom == (1,)
    assert test.unpaired.degrees_of_freedom == (4,)


def test_one_repetition_has_no_deviation_and_no_test():
    one = [Repeated("a", "rmse", (5.0,)), Repeated("b", "rmse", (6.0,))]
    assert one[0].sd is None
    (test,) = repetition_tests(one, ["a", "b"], BOTH)
    assert test.unpaired is None
    assert test.paired is None
    assert against_number(one[0], 5.0) is None


def test_a_mean_is_tested_against_a_number_as_scipy_does():
    test, oracle = against_number(FOUND[0], 0.834), stats.ttest_1samp(FOUND[0].values, 0.834)
    assert (test.statistic, test.p_value) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert test.degrees_of_freedom == (oracle.df,)
