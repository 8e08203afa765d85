import pytest
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.audio.excerpts.cut import candidate_starts, n_excerpts


def starts(index=0, *, n_frames=1_000_000, rate_hz=8_000, n_in_track=1, seed=0, track_id="t"):
    return candidate_starts(
        n_frames=n_frames,
        sample_rate_hz=rate_hz,
        n_in_track=n_in_track,
        index=index,
        seed=seed,
        track_id=track_id,
    )


@pytest.mark.parametrize(
    ("duration_s", "wanted", "expected"),
    [(10.0, 1, 1), (19.99, 5, 1), (20.0, 5, 2), (300.0, 5, 5), (10.0, 3, 1)],
)
def test_short_tracks_give_fewer_excerpts(duration_s, wanted, expected):
    assert n_excerpts(duration_s, wanted) == expected


@given(
    rate_hz=st.sampled_from([8_000, 11_025, 44_100, 48_000]),
    extra_frames=st.integers(0, 5_000_000),
    wanted=st.integers(1, 8),
    seed=st.integers(0, 5),
)
def test_excerpts_lie_inside_the_track_and_never_overlap(rate_hz, extra_frames, wanted, seed):
    n_frames = 10 * rate_hz + extra_frames
    n_in_track = n_excerpts(n_frames / rate_hz, wanted)
    last_end = 0
    for index in range(n_in_track):
        drawn = starts(index, n_frames=n_frames, rate_hz=rate_hz, n_in_track=n_in_track, seed=seed)
        assert min(drawn) >= last_end
        last_end = max(drawn) + 10 * rate_hz
    assert last_end <= n_frames


def test_the_plan_depends_on_seed_and_track_alone():
    assert starts() == starts()
    assert starts() != starts(seed=1)
    assert starts() != starts(track_id="u")
    assert len(set(starts())) == len(starts()) > 10


def test_a_track_of_ten_seconds_has_one_start():
    assert starts(n_frames=80_000) == [0]
