"""GANs of a small catalog: trained once, resumed, told apart by what made them."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.gan.critic import critic_of_run
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.gans.audio import listed_music, written_tracks
from musqa_pipeline.stages.gans.stage import list_units
from musqa_pipeline.stages.gans.table import GANS
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.segments.settings import GanSettings
from tests.audio.sounds import write
from tests.stages.gans.small_gans import TINY, with_gans
from tests.stages.segments.small_catalog import fill


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gans")


@pytest.fixture(scope="module")
def filled(folder):
    (folder / "music").mkdir()
    return with_gans(fill(folder, folder / "music", networks=["tiny"], recipes={"tiny": TINY}))


def stored(context):
    rows = context.lake.scan(context.joint_partition("gans"), GANS.schema).to_pylist()
    return sorted(rows, key=lambda row: (row["network"], row["seed"]))


def test_each_seed_is_trained_once_and_scores(filled):
    two, told = with_gans(filled, n_seeds=2), []
    report = run_stage(get_stage("gans"), two, on_numbers=lambda _, numbers: told.append(numbers))
    assert report.made == 2
    assert [numbers["epoch"] for numbers in told] == [0, 1] * 2
    for numbers in told:  # two batches of two images each
        assert numbers["seconds_a_step"] == pytest.approx(4 / numbers["images_per_s"])
        assert 0 < numbers["seconds_a_step"] < numbers["seconds"]
    first, second = stored(two)
    assert (first["network"], first["seed"], second["seed"]) == ("tiny", 0, 1)
    assert (first["steps"], first["n_train"], first["n_validation"]) == (2, 1, 0)
    assert first["classes"] == ["other"]
    assert first["finished"]
    assert json.loads(first["settings_json"])["n_genres"] == 1
    for row in (first, second):
        assert 0 < row["frechet_untrained"] < math.inf
        assert row["frechet_last"] == json.loads(row["curves_json"])["frechet_distance"][-1]
    assert first["curves_json"] != second["curves_json"]
    critics = [critic_of_run(two.home / row["folder"]) for row in (first, second)]
    pcm = np.random.default_rng(0).integers(-999, 999, (2, 67_328)).astype(np.int16)
    scores = [critic.score(pcm) for critic in critics]
    assert np.isfinite(scores).all()
    assert not np.allclose(*scores)
    assert run_stage(get_stage("gans"), two).made == 0
    assert run_stage(get_stage("gans"), with_gans(filled, n_seeds=3)).made == 1


def test_another_recipe_is_another_training_and_another_network_none_of_the_first(filled):
    units = {unit.unit_id for unit in list_units(filled)}
    wider = with_gans(filled, recipes={"tiny": TINY | {"d_width": 4}})
    assert not units & {unit.unit_id for unit in list_units(wider)}
    both = with_gans(
        filled, networks=("tiny", "wider"), recipes={"tiny": TINY, "wider": TINY | {"d_width": 4}}
    )
    assert units < {unit.unit_id for unit in list_units(both)}
    assert both.fingerprints["gans"] == filled.fingerprints["gans"]


def test_tracks_that_cannot_train_are_told_and_written_once(filled, folder):
    music = listed_music(filled)
    silent = folder / "silent.wav"
    write(silent, np.zeros((48_000 * 11, 2)), subtype="PCM_16")
    (about,) = music.of_part("train")
    both = dataclasses.replace(
        music, tracks=(about, {**about, "track_id": "b", "file": "silent.wav", "path": str(silent)})
    )
    spec = GanRecipe(**TINY).images
    with filled.lake.work_folder(filled.joint_partition("gans"), "x") as work:
        tracks, refused = written_tracks(filled, both, "train", spec, work)
        assert [tracks[i].track_id for i in range(len(tracks))] == [about["track_id"]]
        (told,) = refused
        assert told.startswith("silent.wav in c: ")
        assert "20 segments of track 'b' are silent" in told
        silent.unlink()
        again, still = written_tracks(filled, both, "train", spec, work)
    assert (len(again), still) == (1, refused)


def test_off_there_is_nothing(filled):
    off = with_gans(filled, networks=())
    assert list_units(off) == []


def test_without_music_to_train_on_it_says_so(filled, monkeypatch):
    tested = [{"part": "test", "genre": "Rock"}]
    monkeypatch.setattr("musqa_pipeline.stages.gans.audio.original_tracks", lambda context: tested)
    with pytest.raises(StageError, match="no clean track is in the train part; add recordings"):
        list_units(filled)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"size": 65}, r"\[gan.recipes.two\] size=65: expected 64, 128 or"),
        ({"sise": 64}, r"unknown key 'sise'; did you mean 'size'\?"),
        ({"n_genres": 3}, "n_genres: classes are counted; take it out"),
        ({"steps": 5}, "steps=5: expected a multiple of checkpoint_steps"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(recipe, message):
    given = {"gan": {"recipes": {"two": recipe}}}
    with pytest.raises(SettingsError, match=message):
        parse_preset("p", given, sections={"gan": GanSettings})


def test_a_network_without_a_recipe_is_named(filled):
    unknown = with_gans(filled, networks=("one",))
    with pytest.raises(SettingsError, match=r"'one' has no recipe \(there is tiny\); write a"):
        list_units(unknown)
