import polars as pl

from musqa_pipeline.stages.spectrograms.features.darkness import lowpass_order, reference_brightness


def rows(**columns):
    n = len(columns["label"])
    base = {
        "catalog": ["c"] * n,
        "depth": [1] * n,
        "kind": ["single"] * n,
        "degraded_id": [f"d{i}" for i in range(n)],
    }
    return pl.DataFrame({**base, **columns})


def test_the_lowest_lowpass_of_a_reference_says_whether_it_is_dark():
    found = reference_brightness(
        rows(
            excerpt_id=["piano", "piano", "rock", "rock", "unknown", "unknown"],
            cutoff_hz=[3500.0, 5000.0, 5000.0, 3500.0, 9000.0, None],
            label=[80.0, 60.0, 90.0, 20.0, 90.0, 90.0],
        )
    )
    assert dict(found.select("excerpt_id", "reference").rows()) == {
        "piano": "dark",
        "rock": "full band",
    }


def test_a_lowpass_in_a_cascade_says_nothing():
    cascade = rows(excerpt_id=["a"], cutoff_hz=[3500.0], label=[80.0]).with_columns(
        kind=pl.lit("cascade")
    )
    assert reference_brightness(cascade).is_empty()


def test_pairs_are_right_wrong_or_ties_and_only_within_a_reference():
    found = lowpass_order(
        rows(
            excerpt_id=["a", "a", "a", "b", "b"],
            reference=["full band"] * 3 + ["dark"] * 2,
            cutoff_hz=[3500.0, 5000.0, 9000.0, 3500.0, 9000.0],
            label=[10.0, 30.0, 60.0, 88.0, 88.5],
            predicted=[20.0, 15.0, 70.0, 40.0, 30.0],
        )
    )
    assert found == {"right": 2, "wrong": 1, "ties": 1, "dark_ties": 1}
