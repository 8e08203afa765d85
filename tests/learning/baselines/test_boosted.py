import numpy as np
import polars as pl
import pytest

from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.baselines import simple
from musqa_pipeline.learning.baselines.simple import fit_boosted


def rows(n, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, len(DESCRIPTORS))).astype(np.float32)
    label = 50 + 20 * np.sin(values[:, 7]) + 10 * values[:, 50]
    return pl.DataFrame(dict(zip(DESCRIPTORS, values.T, strict=True))).with_columns(
        label=pl.Series(label, dtype=pl.Float64)
    )


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr(simple, "N_TREES", 60)


def test_it_learns_what_features_say_of_rows_that_it_never_met():
    seen, unseen = rows(600, 0), rows(200, 1)
    error = fit_boosted(seen, seed=0)(unseen) - unseen["label"].to_numpy()
    assert np.sqrt(np.mean(error**2)) < 0.6 * unseen["label"].std()


def test_the_seed_decides_and_nothing_else():
    seen = rows(300, 0)
    first, again, other = (fit_boosted(seen, seed=s)(seen) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_without_training_rows_nothing_is_invented():
    with pytest.raises(StageError, match="no training labels: the baselines need some"):
        fit_boosted(rows(0, 0), seed=0)
