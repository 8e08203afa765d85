import polars as pl

from musqa_pipeline.stages.evaluation.checks import judge_better_than_mean
from musqa_pipeline.stages.evaluation.table import EVALUATIONS


def table(draw="uniform_draw", **rmse):
    rows = [
        {"protocol": "holdout", "variant": "", "n_repetitions": 1,
         "model": model, "draw": draw, "slice": "all", "value": "all", "metric": "rmse",
         "estimate": value, "n_rows": 90, "n_recordings": 9}
        for model, value in rmse.items()
    ]  # fmt: skip
    return pl.DataFrame(EVALUATIONS.from_rows(rows))


def test_networks_below_the_mean_pass_with_their_numbers():
    result = judge_better_than_mean(table(cnn1d=12.5, mean=20.0, upper_edge=9.0))
    assert result.passed
    assert result.numbers == {
        "rmse_points_cnn1d": 12.5, "rmse_points_mean": 20.0, "rmse_points_upper_edge": 9.0,
        "test_recordings": 9, "draw": "uniform_draw",
    }  # fmt: skip


def test_one_network_above_the_mean_fails_also_beside_a_good_one():
    assert not judge_better_than_mean(table(cnn1d=21.0, mean=20.0)).passed
    assert not judge_better_than_mean(table(vgg19=5.0, cnn1d=20.0, mean=20.0)).passed


def test_without_a_network_nothing_is_better():
    assert not judge_better_than_mean(table(mean=20.0, upper_edge=9.0)).passed


def test_the_uniform_draw_decides_if_there_is_one():
    both = pl.concat([table("natural_mix", cnn1d=30.0, mean=20.0), table(cnn1d=10.0, mean=20.0)])
    assert judge_better_than_mean(both).passed
    assert not judge_better_than_mean(table("natural_mix", cnn1d=30.0, mean=20.0)).passed
