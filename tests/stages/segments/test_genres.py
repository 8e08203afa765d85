"""Classes of genres: by the table, by the words themselves, and what is too small or unknown."""

import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.stages.segments.genres import OTHER, genre_classes
from musqa_pipeline.studies.listening.pmqd_paper import GENRES


def tracks(*genres, part="train", n=4):
    return [
        {
            "catalog": "c", "track_id": f"{part}{i}-{k}", "file": f"{i}.wav", "genre": genre,
            "recording": f"song {i}-{k}", "part": part,
        }
        for i, genre in enumerate(genres)
        for k in range(n)
    ]  # fmt: skip


def classes(found, table):
    given = genre_classes(found, table)
    return [given["c", track["track_id"]] for track in found]


def test_words_become_classes_by_the_table_or_the_part_before_a_slash():
    found = tracks("rock/band?", "Grunge", "jazz", n=1) + tracks("Rock")
    table = {"rock": "Rock", "Grunge": "Rock", "jazz": "Rock"}
    assert classes(found, table) == ["Rock"] * 7
    assert classes(tracks("a/b", "a/c", "d", n=2), {}) == ["a", "a", "a", "a", OTHER, OTHER]


def test_genres_of_pmqd_stand_for_themselves_as_they_are_spelled_there():
    assert len(set(GENRES)) == 13
    found = tracks(*GENRES)
    assert classes(found, {"grunge": "Rock"}) == [track["genre"] for track in found]


def test_a_class_of_fewer_than_four_recordings_that_train_is_other():
    twice = [{**t, "track_id": t["track_id"] + "b"} for t in tracks("Pop", n=3)]
    found = tracks("Pop", n=3) + twice + tracks("Pop", part="test") + tracks("", n=5)
    assert set(classes(found, {})) == {OTHER}
    assert set(classes(tracks("Pop"), {})) == {"Pop"}


def test_a_word_that_is_in_no_class_is_told_with_the_nearest():
    with pytest.raises(SettingsError, match=r"'jaz' of 0\.wav in c is in no class, .* is 'Jazz'"):
        genre_classes(tracks("jaz"), {"rock": "Rock"})


def test_a_table_without_any_genre_in_the_catalogs_is_an_error_and_no_table_is_not():
    with pytest.raises(SettingsError, match="has 1 words and no track a genre; write genres into"):
        genre_classes(tracks("", ""), {"rock": "Rock"})
    assert set(classes(tracks("", ""), {})) == {OTHER}
