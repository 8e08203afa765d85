import numpy as np
import pytest
from scipy import stats

from musqa_pipeline.studies.statistics.agreement import METRIC_NAMES, agreement
from musqa_pipeline.studies.statistics.mapping import fit_monotone_cubic


def some_rows(n_recordings=12, rows_each=12, seed=0):
    rng = np.random.default_rng(seed)
    recording = np.repeat([f"song {i}" for i in range(n_recordings)], rows_each)
    label = rng.uniform(10, 90, len(recording))
    offset = np.repeat(rng.normal(0, 8, n_recordings), rows_each)
    return label, label + offset + rng.normal(0, 4, len(label)), recording


def by_name(found):
    return {e.metric: e for e in found}


def test_without_recordings_intervals_are_those_of_the_formulas():
    label, predicted, _ = some_rows()
    found = by_name(agreement(label, predicted, half_width=np.full(len(label), 3.0)))
    assert tuple(found) == METRIC_NAMES
    oracle = stats.pearsonr(label, predicted)
    assert found["pearson"].value == pytest.approx(oracle.statistic)
    assert (found["pearson"].low, found["pearson"].high) == pytest.approx(
        tuple(oracle.confidence_interval())
    )
    assert found["rmse"].interval == "chi_square"
    assert found["mae"].low is None
    assert found["mae"].interval == ""
    assert 0 < found["rmse_star"].value < found["rmse"].value
    assert found["ranking_accuracy"].value > 0.9


def test_recordings_widen_the_interval_and_the_key_alone_decides_the_draws():
    label, predicted, recording = some_rows()
    alone = by_name(agreement(label, predicted))["rmse"]
    kept = agreement(label, predicted, "key", recording=recording, n_draws=200)
    together = by_name(kept)["rmse"]
    assert together.interval == "recordings"
    assert together.value == alone.value
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert kept == agreement(label, predicted, "key", recording=recording, n_draws=200)
    other = agreement(label, predicted, "other key", recording=recording, n_draws=200)
    assert by_name(other)["rmse"].low != together.low


def test_mapping_takes_out_what_is_no_disagreement_and_costs_four_degrees_of_freedom():
    label, _, recording = some_rows()
    predicted = (label / 100) ** 0.3  # another scale, bent, in the same order
    plain = by_name(agreement(label, predicted))
    mapped = by_name(agreement(label, predicted, mapped=True))
    assert plain["rmse"].value > 40
    errors = label - fit_monotone_cubic(label, predicted)(predicted)
    assert mapped["rmse"].value == pytest.approx(np.sqrt((errors**2).sum() / (len(label) - 4)))
    assert mapped["rmse"].value < 0.5
    assert mapped["spearman"].value == pytest.approx(1.0)
    assert all(e.mapped for e in mapped.values())
    drawn = by_name(agreement(label, predicted, recording=recording, mapped=True, n_draws=50))[
        "rmse"
    ]
    assert drawn.low < mapped["rmse"].value < drawn.high


def test_without_intervals_of_labels_there_is_neither_rmse_star_nor_ranking():
    label, predicted, _ = some_rows()
    assert tuple(by_name(agreement(label, predicted))) == METRIC_NAMES[:5]


def test_a_constant_prediction_has_errors_and_nothing_to_map():
    label, _, _ = some_rows()
    plain = by_name(agreement(label, np.full(len(label), 50.0)))
    assert plain["pearson"].value is None
    assert plain["rmse"].value > 0
    mapped = by_name(agreement(label, np.full(len(label), 50.0), mapped=True))
    assert {e.value for e in mapped.values()} == {None}
