import io

import numpy as np
import polars as pl
import pytest
import soundfile as sf
from PIL import Image

from musqa_pipeline.stages.evaluation.examples import (
    PLAYER_BYTES,
    choose_worst,
    picture_png,
    player_mp3,
    worst_of_each,
)
from musqa_pipeline.stages.evaluation.pages import data_uri


def test_the_worst_are_the_largest_errors_one_a_reference(predictions):
    rows = predictions.filter(pl.col("model") == "cnn1d")
    worst = choose_worst(rows, 5)
    assert worst["excerpt_id"].n_unique() == 5
    error = (worst["predicted"] - worst["label"]).abs().to_list()
    assert error == sorted(error, reverse=True)
    assert error[0] == (rows["predicted"] - rows["label"]).abs().max()
    others = rows.filter(~pl.col("excerpt_id").is_in(worst["excerpt_id"].implode()))
    assert (others["predicted"] - others["label"]).abs().max() <= error[-1]


def test_what_several_models_err_on_comes_once_with_the_rank_of_each(predictions):
    rows = predictions.filter("uniform_draw")
    worst = worst_of_each(rows, ["cnn1d", "upper_edge"], 3)
    for model in ("cnn1d", "upper_edge"):
        own = choose_worst(rows.filter(pl.col("model") == model), 3)["degraded_id"].to_list()
        ranks = {row["degraded_id"]: row["worst_of"].get(model) for row in worst}
        assert [ranks[name] for name in own] == [1, 2, 3]
        assert sum(rank is not None for rank in ranks.values()) == 3
    assert len({row["degraded_id"] for row in worst}) == len(worst) <= 6
    best_ranks = [min(row["worst_of"].values()) for row in worst]
    assert best_ranks == sorted(best_ranks)
    first = worst[0]
    said = rows.filter(
        (pl.col("degraded_id") == first["degraded_id"]) & (pl.col("model") == "upper_edge")
    )
    assert first["said"]["upper_edge"] == said["predicted"].item()
    assert list(first["said"]) == ["cnn1d", "upper_edge"]


def test_an_error_of_two_models_on_one_excerpt_is_one_example(predictions):
    rows = predictions.filter(pl.col("model") == "cnn1d")
    both = pl.concat([rows, rows.with_columns(model=pl.lit("copy"))])
    worst = worst_of_each(both, ["cnn1d", "copy"], 2)
    assert [row["worst_of"] for row in worst] == [{"cnn1d": 1, "copy": 1}, {"cnn1d": 2, "copy": 2}]


def test_a_picture_has_time_to_the_right_and_low_notes_at_the_bottom():
    image = np.zeros((1876, 256), np.float32)
    image[:900, :40] = 1.0  # first half, low bands
    picture = Image.open(io.BytesIO(picture_png(image)))
    assert picture.size == (400, 112)
    grey = np.asarray(picture.convert("L"), dtype=float)
    corners = {"low left": grey[-5, 5], "low right": grey[-5, -5], "high left": grey[5, 5]}
    assert corners["low left"] > 100 > max(corners["low right"], corners["high left"])


def test_a_picture_of_noise_is_small_and_stored_bytes_give_the_same():
    image = np.random.default_rng(0).uniform(0, 1, (1876, 256))
    picture = picture_png(image)
    assert len(picture) < 35_000
    assert picture_png(np.round(image * 255).astype(np.uint8)) == picture


def test_a_player_holds_the_sound_and_fits():
    t = np.arange(480_000) / 48_000
    sound = (0.2 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    player = player_mp3(sound)
    assert len(player) <= PLAYER_BYTES
    heard, rate = sf.read(io.BytesIO(player))
    assert rate == 48_000
    assert abs(len(heard) - 288_000) < 5_000
    spectrum = np.abs(np.fft.rfft(heard[48_000:96_000]))
    assert spectrum.argmax() == 440
    # libsndfile turns what it writes as MP3 down to 0.95, the same for every player.
    assert heard[100_000:200_000].std() == pytest.approx(0.95 * 0.2 / np.sqrt(2), rel=0.02)


def test_a_player_is_the_middle_of_an_excerpt():
    sound = np.zeros(480_000, np.float32)
    sound[240_000:240_480] = 0.5
    heard, _ = sf.read(io.BytesIO(player_mp3(sound)))
    assert abs(int(np.abs(heard).argmax()) - 144_000) < 3_000


def test_sound_over_full_scale_is_turned_down_not_clipped():
    t = np.arange(480_000) / 48_000
    loud = (1.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    heard, _ = sf.read(io.BytesIO(player_mp3(loud)))
    spectrum = np.abs(np.fft.rfft(heard[48_000:96_000]))
    assert spectrum[1_320] < 1e-3 * spectrum[440]


def test_what_is_far_too_long_is_refused(monkeypatch):
    monkeypatch.setattr("musqa_pipeline.stages.evaluation.examples.PLAYER_BYTES", 2_000)
    with pytest.raises(ValueError, match="48000 samples do not fit into 2000 bytes of MP3"):
        player_mp3(np.zeros(48_000, np.float32))


def test_an_address_holds_its_bytes():
    assert data_uri(b"musqa", "image/png") == "data:image/png;base64,bXVzcWE="
