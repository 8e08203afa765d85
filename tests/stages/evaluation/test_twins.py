import numpy as np
import polars as pl
import pytest

from musqa_pipeline.stages.evaluation.twins import find_twins

FEATURES = ["edge", "tilt"]


def rows(n_songs=12):
    """Dark songs end at some edge; full-band ones are cut at edges between."""
    rng = np.random.default_rng(6)
    made = []
    for song in range(n_songs):
        dark = song % 3 == 0
        for i, (depth, codec, label) in enumerate(
            [(0, "reference", 93.0), (1, "lowpass", 88.0 if dark else 30.0), (1, "mp3", 70.0)]
        ):
            edge = 4.0 + 0.1 * song if dark or codec == "lowpass" else 20.0
            made.append(
                {
                    "catalog": "c", "excerpt_id": f"s{song}", "degraded_id": f"s{song}-{i}",
                    "recording": f"song {song}", "what": codec, "label": label, "depth": depth,
                    "reference": "dark" if dark else "full band", "codec": codec,
                    "edge": edge, "tilt": float(rng.normal(0, 0.01)),
                }
            )  # fmt: skip
    return pl.DataFrame(made)


def test_a_dark_original_finds_a_low_passed_song_that_sounds_like_it():
    pairs = find_twins(rows(), ["edge"], 3)
    assert len(pairs) == 3
    for pair in pairs:
        dark, lowpassed = pair["dark"], pair["lowpassed"]
        assert (dark["what"], lowpassed["what"]) == ("reference", "lowpass")
        assert (dark["label"], lowpassed["label"]) == (93.0, 30.0)
        song, other = (int(side["recording"].split()[1]) for side in (dark, lowpassed))
        assert abs(song - other) == 1
        assert pair["nearer_share"] < 0.25


def test_each_recording_is_shown_once():
    pairs = find_twins(rows(), FEATURES, 50)
    assert len(pairs) == 4
    for side in ("dark", "lowpassed"):
        assert len({pair[side]["recording"] for pair in pairs}) == 4


@pytest.mark.parametrize("kind", ["dark", "full band"])
def test_without_one_kind_there_are_no_pairs(kind):
    assert find_twins(rows().filter(pl.col("reference") == kind), FEATURES, 3) == []


def test_labels_that_hardly_differ_are_no_contradiction():
    alike = rows().with_columns(
        label=pl.when(pl.col("codec") == "lowpass").then(80.0).otherwise("label")
    )
    assert find_twins(alike, FEATURES, 3) == []


def test_music_that_sounds_otherwise_is_no_twin():
    far = pl.col("codec") == "lowpass"
    apart = rows().with_columns(edge=pl.when(far).then(40.0).otherwise("edge"))
    assert find_twins(apart, ["edge"], 3) == []
