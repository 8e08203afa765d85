"""The best of the copies of a recording."""

import itertools

import pytest

from musqa_pipeline.scoring.scan.copies import best_copy


def copy(file, mos=4.5, *, lossy=False, origin="", bandwidth_hz=21_000.0, size=10, rate=44_100):
    return {
        "file": file.encode(),
        "mos": mos,
        "is_lossy": lossy,
        "lossy_origin": origin,
        "bandwidth_hz": bandwidth_hz,
        "sample_rate_hz": rate,
        "size_bytes": size,
    }


CASES = [
    ("the higher score", copy("good", 4.5, lossy=True), copy("lossless but poor", 3.0)),
    ("lossless", copy("flac", 4.45), copy("mp3", 4.5, lossy=True)),
    ("the wider band", copy("wide"), copy("dull", bandwidth_hz=16_000.0)),
    ("of the surer origin", copy("honest"), copy("fake", origin="likely")),
    ("of the surer origin", copy("honest", 4.2), copy("flattered fake", 4.5, origin="likely")),
    ("of the surer origin", copy("honest", 4.2), copy("maybe", 4.5, origin="possible")),
    ("of the surer origin", copy("maybe", origin="possible"), copy("fake", origin="likely")),
    ("of the surer origin", copy("honest", None), copy("fake", 4.5, origin="likely")),
    ("the higher score", copy("a", 4.5, origin="possible"), copy("mp3", 3.0, lossy=True)),
    ("with a score", copy("maybe", 3.0, origin="possible"), copy("unknown, clipped", None)),
    ("alike in score, band and codec", copy("a", 4.5), copy("b", 4.495)),
    ("with a score", copy("scored", 2.0, lossy=True), copy("no score", None)),
    ("alike in score, band and codec", copy("flac", size=5), copy("wav", size=9)),
    (
        "alike in score, band and codec",
        copy("320k", lossy=True, size=9),
        copy("256k", lossy=True, size=7),
    ),
]


@pytest.mark.parametrize(("why", "best", "other"), CASES)
def test_the_best_is_found_in_any_order(why, best, other):
    for copies in itertools.permutations([best, other]):
        place, found = best_copy(copies)
        assert copies[place] is best
        assert found == why


def test_a_copy_without_a_score_makes_no_other_doubtful():
    maybe, mp3 = copy("maybe", 4.5, origin="possible"), copy("mp3", 3.0, lossy=True)
    for copies in itertools.permutations([maybe, mp3, copy("unknown", None)]):
        place, why = best_copy(copies)
        assert (copies[place]["file"], why) == (b"maybe", "the higher score")


def test_a_fake_is_no_measure_of_the_others():
    fake, wide = copy("fake", 4.6, origin="likely"), copy("wide", None)
    narrow = copy("narrow", None, origin="possible")
    for copies in itertools.permutations([fake, wide, narrow]):
        place, why = best_copy(copies)
        assert (copies[place]["file"], why) == (b"wide", "of the surer origin")


def test_none_is_the_best_where_all_lossless_copies_are_likely_fakes():
    fake, mp3 = copy("fake", origin="likely"), copy("mp3", lossy=True)
    for copies in ([fake], [fake, mp3], [fake, copy("another", 4.7, origin="likely")]):
        assert best_copy(copies) == (None, "all lossless copies are likely of lossy origin")
    assert best_copy([mp3]) == (0, "all have the same content")
    assert best_copy([fake, mp3, copy("honest", 4.45)])[0] == 2
