import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from musqa_pipeline.stages.dataset.groups import group_name, group_tracks, normal_name
from tests.stages.dataset.synthetic import make_track

FEW = st.sampled_from(["", "A", "b", "B ", "c", "Unknown"])
TRACKS = st.lists(st.tuples(FEW, FEW, st.integers(0, 20)), max_size=14).map(
    lambda rows: [
        make_track(i, recording=recording, artist=artist, pcm_hash=f"{pcm:032x}")
        for i, (recording, artist, pcm) in enumerate(rows)
    ]
)


@given(tracks=TRACKS)
def test_groups_are_the_connected_components_that_scipy_finds(tracks):
    edges = [
        (i, j)
        for (i, a), (j, b) in itertools.combinations(enumerate(tracks), 2)
        if a.pcm_hash == b.pcm_hash
        or normal_name(a.recording) == normal_name(b.recording) != ""
        or normal_name(a.artist) == normal_name(b.artist) != ""
    ]
    rows, columns = np.array(edges, dtype=int).reshape(-1, 2).T
    matrix = coo_array((np.ones(len(edges)), (rows, columns)), shape=(len(tracks),) * 2)
    expected = connected_components(matrix, directed=False)[1] if tracks else []
    found = {i: g for g, members in enumerate(group_tracks(tracks)) for i in members}
    assert sorted(found) == list(range(len(tracks)))
    for i, j in itertools.combinations(range(len(tracks)), 2):
        assert (found[i] == found[j]) == (expected[i] == expected[j])


def test_a_chain_over_recording_then_artist_then_samples_is_one_group():
    chain = [
        make_track(1, recording="Suite"),
        make_track(2, recording=" suite", artist="Ann"),
        make_track(3, artist="ANN", pcm_hash="f" * 32),
        make_track(4, catalog="other", pcm_hash="f" * 32),
        make_track(5),
    ]
    assert group_tracks(chain) == [[0, 1, 2, 3], [4]]


@pytest.mark.parametrize("artist", ["", "  ", "Unknown Artist", "various artists", "N/A"])
def test_an_artist_who_is_not_named_joins_nothing(artist):
    assert len(group_tracks([make_track(i, artist=artist) for i in range(3)])) == 3


@pytest.mark.parametrize(
    "other", ["BJÖRK", " björk ", "bj\N{LATIN SMALL LETTER O}\N{COMBINING DIAERESIS}rk"]
)
def test_spellings_of_one_name_are_equal(other):
    assert normal_name(other) == normal_name("Björk") == "björk"


@given(name=st.text(max_size=20))
def test_normalising_a_name_twice_changes_nothing(name):
    assert normal_name(normal_name(name)) == normal_name(name)


def test_a_file_path_in_place_of_a_recording_joins_only_within_its_catalog():
    same_path = {"file": "01.flac", "recording": "01.flac"}
    tracks = [make_track(1, **same_path), make_track(2, catalog="other", **same_path)]
    assert len(group_tracks(tracks)) == 2
    named = [make_track(1, recording="01"), make_track(2, catalog="other", recording="01")]
    assert len(group_tracks(named)) == 1


def test_without_the_artist_only_recording_and_samples_join():
    tracks = [make_track(1, artist="Ann"), make_track(2, artist="Ann", recording="recording 1")]
    assert len(group_tracks([*tracks, make_track(3, artist="Ann")], by_artist=False)) == 2


@given(order=st.permutations(range(5)))
def test_a_group_has_the_same_name_in_any_order(order):
    members = [make_track(i, pcm_hash=f"{(i * 7) % 5:032x}") for i in range(5)]
    assert group_name(members[i] for i in order) == members[0].track_id
