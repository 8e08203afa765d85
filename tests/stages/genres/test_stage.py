"""Genres of clips: a tiny GTZAN goes all the way; pieces and excerpts are listed by part."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import polars as pl
import pytest
import torch

from musqa_pipeline.audio.features.clip_image import clip_image
from musqa_pipeline.catalogs.demo_music.catalog import TrackPlan
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.learning.classification.distances import all_distances
from musqa_pipeline.stages.autoencoders.settings import RepresentationsSettings
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.genres import clips as clips_module
from musqa_pipeline.stages.genres.checks import check_genres, judge_genres
from musqa_pipeline.stages.genres.clips import images_of, listed_clips
from musqa_pipeline.stages.genres.stage import list_units
from musqa_pipeline.stages.genres.table import GENRES
from musqa_pipeline.stages.graph import get_stage
from tests.stages.autoencoders.small_representations import filled, with_settings
from tests.stages.genres.small_gtzan import BROKEN, NUMBERS, RATE_HZ, clip, write_gtzan

torch.set_num_threads(1)
SETTINGS = RepresentationsSettings()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A lake with splits, and no GTZAN."""
    return filled(tmp_path_factory.mktemp("genres"))


@pytest.fixture(scope="module")
def context(bare, tmp_path_factory):
    add_catalog(bare.home, write_gtzan(tmp_path_factory.mktemp("gtzan")), "g", reader="gtzan")
    context = with_settings(bare, genres=["gtzan"])
    run_stage(get_stage("autoencoders"), context)
    return context


@pytest.fixture(scope="module")
def rows(context):
    assert run_stage(get_stage("genres"), context).made == 1
    return rows_of(context)


def rows_of(context):
    return pl.DataFrame(context.lake.scan(context.joint_partition("genres"), GENRES.schema))


def test_without_gtzan_it_says_where_that_belongs(bare, monkeypatch):
    monkeypatch.setattr(clips_module, "list_catalogs", lambda home: [])
    with pytest.raises(StageError, match="asks for GTZAN and no catalog is one; put its clips int"):
        listed_clips(bare, "gtzan", SETTINGS)


def test_gtzan_goes_all_the_way(rows):
    found = rows.filter(loss="none").select("classifier", "of", "pooling").rows()
    assert Counter(found) == Counter(
        [
            *(("neighbours", metric, "none") for metric in ("mse", "ms_ssim", "nlpd")),
            ("dummy", "nothing", "none"),
            ("logistic", "bands", "none"),
            ("logistic", "squares", "pooled"),
            ("logistic", "squares", "flat"),
        ]
    )
    encoders = rows.filter(of="latents").select("loss", "pooling", "rounded").rows()
    assert Counter(encoders) == Counter(
        ("untrained" if untrained else "mse", pooling, rounded)
        for untrained, rounded in ((False, True), (True, True), (True, False))
        for pooling in ("pooled", "flat")
    )
    for row in rows.to_dicts():
        assert (row["n_train"], row["n_validation"], row["n_tested"]) == (6, 4, 4)
        assert row["genres"] == ["blues", "jazz"]
        assert row["left_out"] == [BROKEN]
        assert row["labels"] == [0, 0, 1, 1]
        assert row["names"] == [
            f"{genre}.{number:05d}" for genre in NUMBERS for number in NUMBERS[genre]["test"]
        ]
        assert (row["low"] <= row["f1"] <= row["high"]) if row["low"] is not None else True
    told = rows.filter(pl.col("of").is_in(["mse", "ms_ssim", "nlpd", "bands"]))
    assert told["f1"].to_list() == [1, 1, 1, 1]


def test_distances_are_those_of_the_clips_images(context, rows):
    images = np.stack(
        [
            clip_image(clip(genre, number), RATE_HZ)
            for genre in NUMBERS for number in sorted(sum(NUMBERS[genre].values(), ()))
        ]
    )  # fmt: skip
    distance = all_distances(images, "mse")
    (row,) = rows.filter(of="mse").to_dicts()
    quantiles = json.loads(row["quantiles_json"])
    within = distance[:7, :7][np.triu_indices(7, 1)]
    assert quantiles["blues"][-1] == pytest.approx(within.max(), rel=0.02)  # stored as 16 bits
    assert quantiles["all"][-1] > max(quantiles["blues"][-1], quantiles["jazz"][-1])
    assert len(quantiles["all"]) == 101
    assert len(row["curve"]) == 6


def test_one_more_training_makes_rows_again_and_no_image_or_distance(context, rows):
    (unit,) = list_units(context)
    folder = context.lake.local_folder(context.joint_partition("genres"), unit.plan["folder"])
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("[a-z]*")}
    assert len(before) == 1 + 3
    more = with_settings(context, genres=["gtzan"], losses=["mse", "nlpd"])
    assert more.fingerprints == context.fingerprints
    run_stage(get_stage("autoencoders"), more)
    run_stage(get_stage("genres"), more)
    assert {p.name: p.stat().st_mtime_ns for p in folder.glob("[a-z]*")} == before
    again = rows_of(more)
    assert again.height == rows.height + 2
    key = ["classifier", "of", "pooling", "loss", "rounded"]
    same = rows.join(again, on=key, how="inner", suffix="_again")
    assert same["predicted"].to_list() == same["predicted_again"].to_list()
    assert check_genres(more).passed
    run_stage(get_stage("genres"), context)


def test_the_check_sees_what_is_missing_and_what_cannot_be(rows):
    training = rows["training"].max()
    wanted = {("gtzan", training)}
    assert judge_genres(rows, wanted).passed
    assert judge_genres(rows, {*wanted, ("gtzan", "other")}).numbers["n_missing"] == 1
    assert judge_genres(rows, set()).numbers["n_surplus"] == 1
    assert judge_genres(pl.concat([rows, rows[:1]]), wanted).numbers["n_doubled"] == 1
    wrong = rows.with_columns(f1=pl.when(of="mse").then(1.5).otherwise("f1"))
    assert judge_genres(wrong, wanted).numbers["n_wrong"] == 1


def test_a_genre_with_one_clip_in_a_part_is_named(context, monkeypatch):
    whole = listed_clips(context, "gtzan", SETTINGS)
    few = [one for one in whole if one["clip"] != "jazz.00074"]
    stage = "musqa_pipeline.stages.genres.stage"
    monkeypatch.setattr(f"{stage}.listed_clips", lambda *_: few)
    with pytest.raises(StageError, match="'jazz' has 1 recordings in the part test: expected 2"):
        run_stage(get_stage("genres"), context)


def test_off_there_is_nothing(bare):
    off = with_settings(bare)
    assert list_units(off) == []
    assert check_genres(off).passed


def test_pieces_have_gtzan_s_shares_of_parts(bare):
    pieces = listed_clips(bare, "synthesised", RepresentationsSettings(genre_pieces=10))
    assert Counter(piece["part"] for piece in pieces) == {"train": 60, "validation": 24, "test": 36}
    assert set(Counter((p["genre"], p["part"]) for p in pieces).values()) == {5, 2, 3}
    assert len({piece["genre"] for piece in pieces}) == 12
    assert len({piece["recording"] for piece in pieces}) == 120
    with pytest.raises(SettingsError, match="genre_pieces=6: expected"):
        RepresentationsSettings(genre_pieces=6)


def test_pieces_are_composed_once(bare, tmp_path, monkeypatch):
    composed = []

    def samples(plan):
        composed.append(plan.index)
        sound = clip(plan.style.name, plan.index, 2.0)
        return np.zeros((2, 96_000)) if plan.index == 3 else np.stack([sound, sound])

    monkeypatch.setattr(TrackPlan, "samples", samples)
    pieces = listed_clips(bare, "synthesised", RepresentationsSettings(genre_pieces=7))[:30]
    first = images_of(bare, "synthesised", pieces, tmp_path, lambda: None)
    assert composed == list(range(30))
    (tmp_path / "images-00024.npz").unlink()
    second = images_of(bare, "synthesised", pieces, tmp_path, lambda: None)
    assert composed == [*range(30), *range(24, 30)]
    assert first.cells.shape == (29, 128, 1280)
    np.testing.assert_array_equal(first.cells, second.cells)
    assert first.left_out == second.left_out == [pieces[3]["clip"]]
    assert [one["clip"] for one in first.clips] == [p["clip"] for p in pieces if p["index"] != 3]


def listing(monkeypatch, genres, tier="lossless"):
    """List two excerpts of each recording whose genre is given."""
    seen = [
        {"catalog": "c", "track_id": f"t{n}", "genre": genre, "tier": tier}
        for n, genre in enumerate(genres)
    ]
    excerpts = [
        {"catalog": "c", "track_id": f"t{n}", "recording": f"r{n}", "excerpt_id": f"e{n}-{k}"}
        for n in range(len(genres)) for k in range(2)
    ]  # fmt: skip
    monkeypatch.setattr(clips_module, "read_seen_tracks", lambda context: pl.DataFrame(seen))
    monkeypatch.setattr(clips_module, "listed_excerpts", lambda context: excerpts)


def test_excerpts_have_genres_with_four_recordings(bare, monkeypatch):
    listing(monkeypatch, [*["rock/band"] * 4, "rock", *["jazz"] * 4, *["folk"] * 3, ""])
    found = listed_clips(bare, "catalogs", SETTINGS)
    assert Counter(one["genre"] for one in found) == {"rock": 10, "jazz": 8}
    assert found[0]["recording"] == "c/r0"
    assert {one["part"] for one in found} == {""}


def test_too_few_recordings_with_a_genre_are_named(bare, monkeypatch):
    listing(monkeypatch, ["rock"] * 4 + ["jazz"] * 3)
    with pytest.raises(StageError, match="1 genres have 4 recordings or more in the preset's cat"):
        listed_clips(bare, "catalogs", SETTINGS)
    listing(monkeypatch, ["rock"] * 4 + ["jazz"] * 4, tier="synthesised")
    with pytest.raises(StageError, match="0 genres have 4 recordings"):
        listed_clips(bare, "catalogs", SETTINGS)


def test_excerpts_are_tested_in_folds(bare, monkeypatch):
    listing(monkeypatch, ["rock"] * 5 + ["jazz"] * 5)
    sounds = {"r": "blues", "j": "jazz"}

    def read(context, excerpt_id, catalog):
        number = int(excerpt_id[1:].partition("-")[0])
        return np.repeat(clip(sounds["r" if number < 5 else "j"], number, 3.0), 2)

    monkeypatch.setattr(clips_module, "read_reference", read)
    folded = with_settings(bare, genres=["catalogs"], losses=[])
    assert run_stage(get_stage("genres"), folded).made == 1
    (row,) = rows_of(folded).filter(of="nlpd").to_dicts()
    assert (row["n_rounds"], row["n_tested"]) == (5, 20)
    assert len(row["chosen"]) == 5
    assert row["f1"] == 1
    assert sorted(row["names"]) == sorted(f"e{n}-{k}" for n in range(10) for k in range(2))
