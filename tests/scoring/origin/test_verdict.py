"""What is said of an origin: a grid proves, an edge hints, and what else leaves one is told."""

import pytest

from musqa_pipeline.scoring.origin.grid import Grid
from musqa_pipeline.scoring.origin.spectrum import Spectrum
from musqa_pipeline.scoring.origin.verdict import HINT, PROOF, lossy_file, origin_of

NO_EDGE = Spectrum(4.0, 12_000.0, 0.0)


def edge(hz, db=40.0):
    return Spectrum(db, hz, 0.0)


def grid(codec="MP3", strength=PROOF + 1):
    return Grid(codec, 576, 48, strength)


def test_nothing_found_is_genuine():
    found = origin_of(NO_EDGE, [grid(strength=HINT - 1)])
    assert (found.verdict, found.codec) == ("genuine", "")


def test_a_grid_is_a_proof_without_an_edge():
    found = origin_of(NO_EDGE, [grid("AAC", 3.0), grid("MP3", 35.0)])
    assert (found.verdict, found.codec) == ("likely lossy", "MP3")
    assert found.evidence == (
        "frame grid: coefficients are quantised where frames of MP3 begin at sample 48 of every "
        "576, 35 standard deviations below other positions",
    )
    assert origin_of(NO_EDGE, [grid("Vorbis")]).codec == "Vorbis"


@pytest.mark.parametrize(
    ("codec", "edge_hz", "named"),
    [
        ("MP3", 11_000, "MP3 at 64 kbit/s"),
        ("MP3", 16_000, "MP3 at 128 kbit/s"),
        ("MP3", 19_300, "MP3 at 224-256 kbit/s"),
        ("MP3", 7_000, "MP3"),
        ("Opus", 20_000, "Opus"),
    ],
)
def test_the_edge_says_at_what_rate(codec, edge_hz, named):
    found = origin_of(edge(edge_hz), [grid(codec)])
    assert (found.verdict, found.codec) == ("likely lossy", named)
    assert found.evidence[1].startswith(f"edge: at {edge_hz / 1000:.1f} kHz")


def test_a_weak_grid_counts_with_an_edge_and_hints_without():
    weak = grid(strength=(HINT + PROOF) / 2)
    assert origin_of(edge(16_000), [weak]).verdict == "likely lossy"
    assert origin_of(NO_EDGE, [weak]).verdict == "possibly lossy"


@pytest.mark.parametrize(
    ("edge_hz", "told"),
    [(15_500, "sample rate of 32 kHz"), (10_800, "sample rate of 22.05 kHz"), (18_000, "a filter")],
)
def test_an_edge_alone_is_no_proof_and_is_explained(edge_hz, told):
    found = origin_of(edge(edge_hz), [])
    assert (found.verdict, found.codec) == ("possibly lossy", "")
    assert told in found.evidence[1]


def test_holes_make_up_for_a_lower_cliff():
    assert origin_of(Spectrum(15.0, 16_000.0, 0.5), []).verdict == "genuine"
    assert origin_of(Spectrum(12.0, 16_000.0, 0.9), []).verdict == "genuine"
    found = origin_of(Spectrum(15.0, 16_000.0, 0.7), [])
    assert found.verdict == "possibly lossy"
    assert found.evidence[1].startswith("holes: 70 % between 16 and 19.5 kHz is empty")


def test_a_lossy_file_names_its_codec():
    found = lossy_file("mp3")
    assert (found.verdict, found.codec) == ("lossy file", "MP3")
    assert lossy_file("wmav2").codec == "wmav2"
