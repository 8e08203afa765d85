"""Ratings that a catalog brings along become labels of its tracks as they are."""

from __future__ import annotations

import csv

import polars as pl
import pytest

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.errors import CatalogError, SettingsError, StageError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.report import read_dataset
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import catalog_context, get_stage, joint_context
from musqa_pipeline.stages.labels import checks
from musqa_pipeline.stages.models.pretraining.material import listed_tracks, material_of
from musqa_pipeline.stages.models.pretraining.settings import PretrainingSettings
from tests.audio.sounds import noise, write

UNTOUCHED = {
    "singles": [], "n_cascades": 0, "n_random": 0, "n_carrier": 0, "include_reference": True,
}  # fmt: skip
SECTIONS = {
    "excerpts": {"flagged_tracks": "include", "place": "middle"},
    "degradations": UNTOUCHED,
    "labels": {"metric": "listeners"},
    "dataset": {"size": 10, "test_fraction": 0.25, "validation_fraction": 0.25},
}
RATINGS = {"one": "1", "two": "2.5", "three": "3.25", "four": "4", "five": "5", "six": ""}
CATALOG_STAGES = ("tracks", "excerpts", "degradations", "labels")


def write_csv(folder, ratings, **more):
    with (folder / "tracks.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "mos", "mos_ci", "n_ratings"])
        for name, mos in ratings.items():
            rows.writerow([f"{name}.wav", mos, more.get("ci", ""), more.get("n", "")])


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Six tracks, the first with 4 s before and after the excerpt that listeners heard."""
    folder = tmp_path_factory.mktemp("rated")
    for number, name in enumerate(RATINGS):
        write(folder / f"{name}.wav", noise(18.0 if number == 0 else 10.5, seed=number))
    return folder


@pytest.fixture
def folder(sounds, tmp_path):
    mine = tmp_path / "rated"
    mine.mkdir()
    for path in sounds.iterdir():
        (mine / path.name).hardlink_to(path)
    write_csv(mine, RATINGS)
    return mine


def context_of(home, folder, **sections):
    add_catalog(home, folder, "rated")
    preset = parse_preset("rated", {**SECTIONS, "catalogs": ["rated"], **sections})
    return catalog_context(home, preset, "rated")


def run(context, stages=CATALOG_STAGES):
    return [run_stage(get_stage(stage), context) for stage in stages]


def labels_of(context):
    tracks, cut, labels = (
        pl.DataFrame(context.lake.scan(context.partition(name), get_stage(name).table.schema))
        for name in ("tracks", "excerpts", "labels")
    )
    of = labels.join(cut, on="excerpt_id").join(tracks, on="track_id", suffix="_of_track")
    return {row["file"].removesuffix(".wav"): row for row in of.iter_rows(named=True)}


def test_a_rated_track_has_its_rating_as_label_and_an_unrated_one_none(home, folder):
    context = context_of(home, folder)
    run(context)
    found = labels_of(context)
    assert {name: row["mos"] for name, row in found.items()} == {
        name: float(mos) for name, mos in RATINGS.items() if mos
    }
    assert {row["metric"] for row in found.values()} == {"listeners"}
    assert all(row["quality"] == (row["mos"] - 1) / 4 for row in found.values())
    assert all(
        row["vnsim"] is row["fvnsim"] is row["lag_samples"] is None for row in found.values()
    )
    assert found["one"]["start_s"] == pytest.approx((18.0 - EXCERPT_S) / 2, abs=1e-3)
    assert all(
        check(context).passed
        for check in (checks.check_counts, checks.check_range, checks.check_identity)
    )


def test_a_new_rating_makes_one_label_again_and_no_sound(home, folder):
    run(context_of(home, folder))
    write_csv(folder, RATINGS | {"two": "2.75", "six": "3"})
    context = context_of(home, folder)
    tracks, excerpts, degradations, labels = run(context)
    assert (tracks.made, excerpts.made, degradations.made) == (2, 0, 0)
    assert (labels.made, labels.retired) == (2, 1)
    assert labels_of(context)["two"]["mos"] == 2.75


def test_another_scale_is_brought_to_1_to_5(home, folder):
    write_csv(folder, {"one": "0", "two": "50", "three": "100"}, ci="7.5", n="12")
    context = context_of(home, folder, labels={"metric": "listeners", "scale": [0.0, 100.0]})
    run(context)
    found = labels_of(context)
    assert {name: row["mos"] for name, row in found.items()} == {"one": 1, "two": 3, "three": 5}
    kept = ("mos_of_track", "mos_ci", "n_ratings")
    assert tuple(found["two"][name] for name in kept) == (50.0, 7.5, 12)


def test_the_dataset_is_drawn_of_rated_rows(home, folder):
    write_csv(folder, {name: str(1 + number / 2) for number, name in enumerate(RATINGS)})
    context = context_of(home, folder)
    run(context)
    joint = joint_context(home, context.preset)
    for stage in ("splits", "dataset"):
        run_stage(get_stage(stage), joint)
    rows = read_dataset(joint)
    assert rows.filter("uniform_draw").height == 6
    assert set(rows["part"]) == {"train", "validation", "test"}
    assert sorted(rows["mos"]) == [1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


def test_a_catalog_without_ratings_may_stand_beside_to_be_heard_alone(home, folder, tmp_path):
    write_csv(folder, {name: str(1 + number / 2) for number, name in enumerate(RATINGS)})
    heard = tmp_path / "heard"
    heard.mkdir()
    with (heard / "tracks.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file", "role"), ("a.wav", "test"), ("b.wav", "")])
    for number, name in enumerate("ab"):
        write(heard / f"{name}.wav", noise(12.0, seed=90 + number))
    add_catalog(home, folder, "rated")
    add_catalog(home, heard, "heard")
    sections = SECTIONS | {
        "catalogs": ["rated", "heard"],
        "dataset": {"size": 10, "protocol": "paper_two_way", "validation_fraction": 0.25},
    }
    places = []
    for pretraining in ({"catalogs": ["heard"]}, {}):
        preset = parse_preset(
            "rated",
            {**sections, "pretraining": pretraining},
            sections={"pretraining": PretrainingSettings},
        )
        places.append({name: catalog_context(home, preset, name) for name in ("rated", "heard")})
    first, second = places
    run(first["rated"])
    run(first["heard"])
    joint = joint_context(home, first["rated"].preset)
    for stage in ("splits", "dataset"):
        run_stage(get_stage(stage), joint)
    rows = read_dataset(joint)
    assert set(rows["catalog"]) == {"rated"}
    assert "test" not in set(rows["part"])
    assert {tuple(key) for key in material_of(listed_tracks(joint), ())} >= {
        ("heard", row["track_id"])
        for row in read_seen_tracks(joint).filter(catalog="heard").to_dicts()
    }
    with pytest.raises(StageError, match="no track of catalog heard is rated"):
        run(second["heard"], ("labels",))


@pytest.mark.parametrize(
    ("ratings", "words"),
    [
        ({"one": "5.5", "two": "3"}, r"mos=5\.5 of one\.wav in catalog rated: expected 1 to 5"),
        ({"one": "0.5"}, r"mos=0\.5 of one\.wav"),
        (dict.fromkeys(RATINGS, ""), "no track of catalog rated is rated; give its tracks.csv"),
    ],
)
def test_ratings_off_the_scale_or_none_at_all_stop_the_stage(home, folder, ratings, words):
    write_csv(folder, ratings)
    context = context_of(home, folder)
    run(context, CATALOG_STAGES[:3])
    with pytest.raises(StageError, match=words):
        run(context, ("labels",))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("one.wav,nan,,", "line 2: mos='nan': expected a number, the mean opinion"),
        ("one.wav,good,,", "line 2: mos='good'"),
        ("one.wav,,0.3,", "line 2: mos=''"),
        ("one.wav,3,-1,", "line 2: mos_ci='-1': expected half the width of an interval"),
        ("one.wav,3,,0", "line 2: n_ratings='0': expected a whole number, 1 or more"),
        ("one.wav,3,,2.5", "line 2: n_ratings='2.5': expected a whole number"),
        ("one.wav,3,,\none.wav,4,,", "named in line 2 already"),
    ],
)
def test_ratings_that_cannot_be_are_refused_with_their_line(home, folder, line, words):
    (folder / "tracks.csv").write_text(f"file,mos,mos_ci,n_ratings\n{line}\n")
    with pytest.raises(CatalogError, match=words):
        context_of(home, folder)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"degradations": {**UNTOUCHED, "singles": [42]}}, "ratings are of tracks as they are"),
        ({"degradations": {**UNTOUCHED, "include_reference": False}}, "include_reference = true"),
        ({"excerpts": {"flagged_tracks": "below"}}, 'set flagged_tracks = "include"'),
        ({"labels": {"metric": "listeners", "scale": [5.0, 1.0]}}, "the lowest and the highest"),
    ],
)
def test_a_preset_that_degrades_what_was_rated_is_refused(sections, words):
    with pytest.raises(SettingsError, match=words):
        parse_preset("rated", {**SECTIONS, **sections})
