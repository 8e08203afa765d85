from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.core.seeds import derive_generator, derive_seed, unit_interval_hash

keys = st.lists(st.one_of(st.text(max_size=8), st.integers(-5, 5)), max_size=3)


@given(keys)
def test_the_same_key_gives_the_same_seed_and_stream(key):
    assert derive_seed("a", *key) == derive_seed("a", *key)
    first, second = derive_generator("a", *key), derive_generator("a", *key)
    assert (first.integers(0, 2**32, 4) == second.integers(0, 2**32, 4)).all()


def test_neighbouring_keys_are_not_confused():
    seeds = {
        derive_seed("a"),
        derive_seed("a", "1"),
        derive_seed("a", 1),
        derive_seed("a", "1", ""),
    }
    assert len(seeds) == 4


def test_a_seed_is_fixed_for_ever():
    # blake2b-64 of the text ["excerpts",0,"x"], worked out with hashlib alone.
    assert derive_seed("excerpts", 0, "x") == 0x625136C06B3D424E


def test_hashes_spread_evenly_over_the_unit_interval():
    values = sorted(unit_interval_hash("split", index) for index in range(2000))
    worst = max(abs(value - index / 2000) for index, value in enumerate(values))
    assert worst < 1.63 / 2000**0.5  # Kolmogorov-Smirnov, 1 %
