import dataclasses
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.dataset.groups import group_tracks
from musqa_pipeline.stages.dataset.splits import own_hash, split_tracks
from tests.stages.dataset.synthetic import make_track

NAMES = st.sampled_from(["", "", "", "a", "b", "c"])


@st.composite
def catalogs(draw, name, least=0, most=8, roles=("",)):
    """Tracks of one catalog whose artists, recordings and samples also occur in other catalogs."""
    tracks = []
    for i in range(draw(st.integers(least, most))):
        pcm = draw(st.integers(0, 60))
        tracks.append(
            make_track(
                pcm,
                catalog=name,
                track_id=f"{pcm:08x}{i:08x}",
                artist=draw(NAMES),
                recording=draw(NAMES) or f"{name} {i}",
                role=draw(st.sampled_from(roles)),
                serves=draw(st.sampled_from([True, True, True, False])),
            )
        )
    return tracks


def parts_of(tracks, **options):
    return {(a.track.catalog, a.track.track_id): a.part for a in split_tracks(tracks, **options)}


def try_parts(tracks, **options):
    try:
        return parts_of(tracks, **options)
    except StageError:
        return None


def test_part_of(parts):
    """The names of the test tracks."""
    return {name for name, part in parts.items() if part == "test"}


test_part_of.__test__ = False


@settings(max_examples=150)
@given(
    old=st.tuples(catalogs("old", least=3), catalogs("marked", roles=("", "train", "test"))),
    new=st.tuples(catalogs("a new"), catalogs("z new", roles=("", "train", "test"))),
)
def test_a_new_catalog_never_moves_a_test_song_out_of_the_test(old, new):
    before = try_parts([*old[0], *old[1]])
    after = try_parts([*old[0], *old[1], *new[0], *new[1]])
    assume(before is not None)
    assume(after is not None)
    assert test_part_of(before) <= test_part_of(after)


@settings(max_examples=100)
@given(old=catalogs("old", least=4, most=12), added=catalogs("old", most=4))
def test_a_new_track_never_moves_a_song_that_its_own_hash_holds_out(old, added):
    known = {t.track_id for t in old}
    added = [t for t in added if t.track_id not in known]
    before, after = try_parts(old), try_parts([*old, *added])
    assume(before is not None)
    assume(after is not None)
    lots = {(t.catalog, t.track_id): own_hash(t) for t in old}
    by_own_hash = {name for name in test_part_of(before) if lots[name] < 0.15}
    assert by_own_hash <= test_part_of(after)
    if any(lots[t.catalog, t.track_id] < 0.15 for t in old if t.serves):
        assert test_part_of(before) <= test_part_of(after)


@settings(max_examples=100)
@given(
    tracks=st.tuples(catalogs("one", least=3), catalogs("two", roles=("", "train", "test"))),
    protocol=st.sampled_from(["three_way", "paper_two_way"]),
)
def test_every_split_is_without_a_leak_and_leaves_no_needed_part_empty(tracks, protocol):
    tracks = [*tracks[0], *tracks[1]]
    parts = try_parts(tracks, protocol=protocol)
    assume(parts is not None)
    assert len(parts) == len(tracks)
    ordered = [parts[t.catalog, t.track_id] for t in tracks]
    for members in group_tracks(tracks, by_artist=protocol == "three_way"):
        assert len({ordered[i] for i in members}) == 1
    serving = {part for t, part in zip(tracks, ordered, strict=True) if t.serves}
    needed = {"train", "validation"} | ({"test"} if protocol == "three_way" else set())
    assert needed <= serving
    assert all(p == "test" for t, p in zip(tracks, ordered, strict=True) if t.role == "test")


def test_a_catalog_that_joins_two_groups_brings_both_into_the_test():
    songs = [make_track(i) for i in range(40)]
    before = parts_of(songs)
    tested = next(s for s in songs if before["music", s.track_id] == "test")
    trained = next(s for s in songs if before["music", s.track_id] == "train")
    bridge = make_track(
        99, catalog="new", artist="", recording=tested.recording, pcm_hash=trained.pcm_hash
    )
    after = parts_of([*songs, bridge])
    assert {after["music", tested.track_id], after["music", trained.track_id]} == {"test"}
    assert after["new", bridge.track_id] == "test"


@given(order=st.permutations(range(12)))
def test_the_order_of_the_tracks_does_not_matter(order):
    songs = [make_track(i, artist=f"artist {i % 7}") for i in range(12)]
    assert split_tracks([songs[i] for i in order]) == split_tracks(songs)


def test_a_user_who_names_roles_decides_alone_what_is_test():
    songs = [make_track(i, role="test" if i == 5 else "train") for i in range(60)]
    assert test_part_of(parts_of(songs)) == {("music", songs[5].track_id)}


def test_about_the_given_fractions_are_held_out():
    songs = [make_track(i) for i in range(2_000)]
    counts = Counter(parts_of(songs, test_fraction=0.2, validation_fraction=0.1).values())
    assert counts["test"] == pytest.approx(400, abs=55)
    assert counts["validation"] == round(0.1 * (2_000 - counts["test"]))


def test_ten_songs_by_an_artist_draw_one_lot():
    songs = [make_track(i, artist=f"artist {i % 200}") for i in range(2_000)]
    assert Counter(parts_of(songs).values())["test"] == pytest.approx(300, abs=150)


@given(n=st.integers(3, 40), new=st.integers(1_000, 1_200))
def test_one_more_song_moves_at_most_one_other_between_train_and_validation(n, new):
    songs = [make_track(0, role="test"), *(make_track(i, role="train") for i in range(1, n))]
    before = parts_of(songs)
    after = parts_of([*songs, make_track(new, role="train")])
    assert sum(after[name] != part for name, part in before.items()) <= 1


@pytest.mark.parametrize("n", range(3, 30))
def test_small_catalogs_without_roles_fill_all_three_parts_or_say_why(n):
    parts = try_parts([make_track(i) for i in range(n)])
    if parts is None:  # by luck too many lots fell into the test
        assert sum(own_hash(make_track(i)) < 0.15 for i in range(n)) > n - 2
    else:
        assert set(parts.values()) == {"train", "validation", "test"}


def test_a_track_without_excerpts_cannot_be_the_only_one_of_its_part():
    songs = [make_track(i) for i in range(6)]
    held_out = next(iter(test_part_of(parts_of(songs))))
    mute = [dataclasses.replace(s, serves=s.track_id != held_out[1]) for s in songs]
    parts = parts_of(mute)
    for part in ("train", "validation", "test"):
        assert any(s.serves and parts["music", s.track_id] == part for s in mute)


def test_the_group_with_the_most_songs_trains():
    many = [make_track(i, artist="Many", role="train") for i in range(30)]
    few = [make_track(100 + i, role="train") for i in range(12)]
    songs = [*many, *few, make_track(200, role="test")]
    for repetition in range(8):
        parts = parts_of(songs, repetition=repetition, validation_fraction=0.4)
        assert {parts["music", s.track_id] for s in many} == {"train"}
        assert Counter(parts.values())["validation"] == 5


def test_repetitions_draw_other_validation_songs_and_the_same_test_songs():
    songs = [make_track(i) for i in range(60)]
    first, second = parts_of(songs), parts_of(songs, repetition=1)
    assert test_part_of(first) == test_part_of(second)
    assert first != second


def test_the_papers_protocol_gives_190_and_60_of_250_recordings():
    songs = [make_track(i, artist=f"artist {i % 9}") for i in range(250)]
    extra = [make_track(900, role="test", catalog="marked")]
    counts = Counter(parts_of([*songs, *extra], protocol="paper_two_way").values())
    assert counts == {"train": 190, "validation": 60, "test": 1}


def test_two_groups_are_too_few_for_three_parts():
    songs = [make_track(i, artist=f"artist {i % 2}") for i in range(8)]
    with pytest.raises(StageError, match=r"2 independent groups.*three_way needs at least 3; add"):
        split_tracks(songs)


def test_a_catalog_whose_user_marks_no_test_song_is_told_to():
    songs = [make_track(i, role="train") for i in range(8)]
    with pytest.raises(StageError, match=r"none of 8 groups .* set role=test for at least one"):
        split_tracks(songs)


def test_a_catalog_that_is_nearly_all_test_is_told_what_is_left():
    songs = [make_track(i, role="train" if i == 0 else "test") for i in range(8)]
    with pytest.raises(StageError, match=r"7 of 8 groups .* and 1 left to train and validate"):
        split_tracks(songs)
