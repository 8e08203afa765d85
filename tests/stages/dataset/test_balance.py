import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.dataset import DatasetSettings
from musqa_pipeline.stages.dataset.balance import bin_of, draw_dataset, quality_edges
from musqa_pipeline.stages.dataset.uniformity import evenness
from tests.stages.dataset.synthetic import make_candidates

POOL = make_candidates(n_tracks=36, n_cascades=25)
KEY = ["catalog", "degraded_id"]


def chosen(size=300, pool=POOL, **options):
    return draw_dataset(pool, DatasetSettings(size=size, n_bins=12, **options))


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(10, 2_500),
    n_bins=st.integers(2, 40),
    seed=st.integers(0, 3),
    natural_rows=st.integers(0, 400),
)
def test_any_draw_is_exact_even_and_without_repeats(size, n_bins, seed, natural_rows):
    draw = draw_dataset(
        POOL, DatasetSettings(size=size, n_bins=n_bins, seed=seed, natural_rows=natural_rows)
    )
    assert draw.rows.select(KEY).is_unique().all()
    assert draw.rows.join(POOL, on=KEY, how="anti").is_empty()
    uniform = draw.rows.filter("uniform_draw")
    assert uniform.height == min(size, POOL.height)
    assert (draw.rows["uniform_draw"] | draw.rows["natural_mix"]).all()
    natural = draw.rows.filter("natural_mix")
    assert set(natural["part"]) <= {"test"}
    assert natural.height == min(natural_rows, POOL.filter(part="test").height)
    for part in draw.parts:
        counts = uniform.filter(part=part.part)["bin"].value_counts().sort("bin")
        drawn = np.zeros(n_bins, int)
        drawn[counts["bin"].to_numpy()] = counts["count"].to_numpy()
        assert drawn.tolist() == part.drawn.tolist()
        assert (part.drawn <= part.supply).all()
        holding_back = part.drawn < part.supply
        if holding_back.any():
            assert part.drawn[holding_back].min() >= part.drawn.max() - 1


def test_parts_get_rows_in_proportion_to_their_tracks():
    draw = chosen(size=360)
    assert {p.part: int(p.drawn.sum()) for p in draw.parts} == {
        p.part: 10 * p.n_tracks for p in draw.parts
    }
    assert sum(p.n_tracks for p in draw.parts) == 36


def test_the_paper_has_rows_of_its_own_for_the_test():
    """Of 250 recordings 13,000 rows that train and validate, of 11 further ones 750."""
    pool = make_candidates(n_tracks=261, n_cascades=100).drop("part")
    order = {t: i for i, t in enumerate(pool["track_id"].unique(maintain_order=True))}
    kinds = ["train"] * 190 + ["validation"] * 60 + ["test"] * 11
    part = [kinds[order[track]] for track in pool["track_id"]]
    pool = pool.with_columns(part=pl.Series(part))
    draw = draw_dataset(pool, DatasetSettings(size=13_000, test_size=750))
    drawn = draw.rows.filter("uniform_draw")
    counts = dict(drawn["part"].value_counts().iter_rows())
    assert counts == {"train": 9_880, "validation": 3_120, "test": 750}  # 13,000 as 190 to 60
    assert drawn.filter(part="test")["track_id"].n_unique() == 11
    without = draw_dataset(pool, DatasetSettings(size=13_000)).rows.filter("uniform_draw")
    assert without.filter(part="test").height == round(13_000 * 11 / 261)


def test_a_test_with_few_rows_gives_what_it_has():
    draw = chosen(size=120, test_size=10_000)
    by_part = {p.part: (p.n_wanted, int(p.drawn.sum())) for p in draw.parts}
    assert by_part["test"] == (10_000, POOL.filter(part="test").height)
    assert by_part["train"][1] + by_part["validation"][1] == 120


def test_a_skewed_pool_gives_a_flat_draw():
    draw = chosen(size=120)
    for part in draw.parts:
        assert evenness(part.supply, part.supply > 0) < 0.9
        assert evenness(part.drawn, part.supply > 0) >= 0.95


def test_the_same_seed_draws_the_same_rows_from_a_pool_in_any_order():
    shuffled = POOL.sample(fraction=1.0, shuffle=True, seed=3)
    assert chosen(pool=shuffled).rows.equals(chosen().rows)


def test_another_seed_draws_other_rows():
    first, second = chosen().rows.filter("uniform_draw"), chosen(seed=1).rows.filter("uniform_draw")
    common = first.join(second, on=KEY, how="semi").height
    assert common < 0.9 * first.height


def test_each_bin_is_spread_over_references_and_processes():
    pool = make_candidates(n_tracks=20, n_cascades=120, parts="t")
    drawn = chosen(size=240, pool=pool).rows.filter("uniform_draw")
    quality = pool["quality"].to_numpy()
    supply = np.bincount(bin_of(quality, quality_edges(quality, 12)), minlength=12)
    for b in np.flatnonzero(supply > 200):
        rows = drawn.filter(bin=b)
        assert rows["excerpt_id"].value_counts()["count"].max() <= 2
        ids = pl.concat([rows["first_id"], rows.filter(depth=2)["last_id"]])
        assert ids.value_counts()["count"].max() <= 0.25 * rows.height + 1


@pytest.mark.parametrize(
    ("field", "key"),
    [("max_reference_fraction", "excerpt_id"), ("max_process_fraction", "last_id")],
)
def test_a_cap_holds_where_others_have_rows_left(field, key):
    """One reference (or one process) makes up nine tenths of every bin."""
    rng = np.random.default_rng(0)
    pool = make_candidates(n_tracks=40, n_cascades=50, parts="t")
    common = pool[0, key]
    pool = pool.with_columns(
        pl.when(pl.Series(rng.random(pool.height) < 0.9))
        .then(pl.lit(common))
        .otherwise(key)
        .alias(key),
        quality=pl.Series(rng.random(pool.height)),
    ).with_columns(first_id="last_id", depth=1)
    draw = draw_dataset(pool, DatasetSettings(size=60, n_bins=3, natural_rows=0, **{field: 0.2}))
    for b, n_over in enumerate(draw.parts[0].n_over_cap):
        rows = draw.rows.filter(bin=b)
        assert n_over == 0
        assert (rows[key] == common).sum() <= 0.2 * rows.height


def test_references_get_equal_numbers_of_rows_over_all_bins():
    pool = make_candidates(n_tracks=30, n_cascades=60, parts="t")
    drawn = chosen(size=300, pool=pool).rows.filter("uniform_draw")
    counts = drawn["excerpt_id"].value_counts()["count"]
    assert counts.len() == 30
    assert counts.min() >= 9
    assert counts.max() <= 11


def test_rows_do_not_crowd_at_one_edge_of_their_bin():
    """Quality rises steeply within each bin of the pool; the draw takes all quarters alike."""
    rng = np.random.default_rng(1)
    pool = make_candidates(n_tracks=40, n_cascades=60, parts="t")
    steep = (rng.integers(0, 10, pool.height) + rng.random(pool.height) ** 0.5) / 10
    pool = pool.with_columns(quality=pl.Series(steep))
    rows = draw_dataset(pool, DatasetSettings(size=400, n_bins=10, natural_rows=0)).rows
    quarters, in_pool = (
        np.bincount((quality * 40).astype(int) % 4, minlength=4) / len(quality)
        for quality in (rows["quality"].to_numpy(), steep)
    )
    assert in_pool[0] < 0.08
    assert quarters.min() > 0.15


def test_the_natural_rows_are_a_fair_sample_of_the_test_pool():
    pool = make_candidates(n_tracks=60, n_cascades=60)
    test_pool = pool.filter(part="test")
    rows = chosen(pool=pool, natural_rows=700).rows.filter("natural_mix")
    assert rows["quality"].mean() == pytest.approx(test_pool["quality"].mean(), abs=0.02)
    assert rows["quality"].std() == pytest.approx(test_pool["quality"].std(), abs=0.02)


def test_more_natural_rows_keep_those_that_were_there():
    fewer, more = chosen(natural_rows=50).rows, chosen(natural_rows=80).rows
    assert (
        fewer.filter("natural_mix").join(more.filter("natural_mix"), on=KEY, how="anti").is_empty()
    )


def test_a_pool_of_one_quality_is_one_bin():
    draw = chosen(pool=POOL.with_columns(quality=pl.lit(0.5)))
    assert draw.rows.filter("uniform_draw")["bin"].n_unique() == 1
    assert draw.rows.filter("uniform_draw").height == 300


def test_the_highest_and_the_lowest_quality_are_in_the_outer_bins():
    quality = np.array([0.2, 0.25, 0.9])
    edges = quality_edges(quality, 7)
    assert bin_of(quality, edges).tolist() == [0, 0, 6]
    assert bin_of(np.array([0.1, 1.0]), edges).tolist() == [0, 6]


def test_an_empty_pool_is_refused():
    with pytest.raises(StageError, match=r"no row may be drawn; look into the view quarantine"):
        chosen(pool=POOL.clear())


def test_the_natural_mix_of_all_parts_holds_untrusted_rows_and_no_draw_does():
    untrusted = POOL.head(30).with_columns(degraded_id=pl.col("degraded_id") + "-near")
    everything = DatasetSettings(size=60, n_bins=6, natural_rows=10_000, natural_mix_of="all")
    rows = draw_dataset(POOL, everything, untrusted=untrusted).rows
    assert rows.filter("natural_mix").height == rows.height == POOL.height + 30
    assert set(rows.filter(~pl.col("trusted"))["degraded_id"]) == set(untrusted["degraded_id"])
    assert not rows.filter(~pl.col("trusted"))["uniform_draw"].any()
    alone = draw_dataset(POOL, everything).rows
    drawn = [r.filter("uniform_draw")["degraded_id"].to_list() for r in (rows, alone)]
    assert drawn[0] == drawn[1]
