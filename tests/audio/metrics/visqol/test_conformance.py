"""musqa's ViSQOL against the MOS that Google publishes for ten pairs of real music."""

import csv

import pytest
import soundfile

from musqa_pipeline.audio.metrics.visqol import Reference
from tests import SHARED

CONFORMANCE = SHARED / "visqol_conformance"
EXPECTED = CONFORMANCE / "expected_mos.csv"
TOLERANCE = {"exact": 1e-9, "fast": 1e-6}


def conformance_pairs():
    if not EXPECTED.is_file():
        return []
    with EXPECTED.open() as lines:
        return list(csv.DictReader(lines))


PAIRS = conformance_pairs()
needs_pairs = pytest.mark.skipif(
    not PAIRS, reason="no ../shared/visqol_conformance beside the checkout"
)


def mono(file):
    """Mean of the channels in float64, as in the C++: a mix of two times 24 bits needs 25."""
    samples, sample_rate_hz = soundfile.read(CONFORMANCE / file, dtype="float64")
    assert sample_rate_hz == 48_000
    return samples.mean(axis=1)


@needs_pairs
def test_the_ten_pairs_are_there():
    assert len(PAIRS) == 10
    assert sum(pair["reference"].startswith("contrabassoon") for pair in PAIRS) == 1


@needs_pairs
@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["degraded"].removesuffix(".flac"))
def test_a_published_score_is_met(pair, precision):
    score = Reference(mono(pair["reference"]), precision=precision).score(mono(pair["degraded"]))
    assert score.mos == pytest.approx(float(pair["mos_lqo"]), abs=TOLERANCE[precision], rel=0)
