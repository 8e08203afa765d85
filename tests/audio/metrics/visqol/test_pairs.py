"""musqa's ViSQOL against visqol-python with the C++'s envelope: lags, patches, MOS, pair by pair.

30 pairs meet visqol-python itself; the others meet the scores that it left in
`golden/visqol_pairs.csv`. Those count only for the very samples that were scored then; a pair that
came out otherwise on this machine (another ffmpeg, another processor) meets visqol-python too.
"""

import numpy as np
import pytest

from musqa_pipeline.audio.degradations.processes import PROCESSES
from tests.audio.metrics.visqol.agreement import disagreements, scored
from tests.audio.metrics.visqol.golden_scores import read_golden
from tests.audio.metrics.visqol.oracle import Oracle
from tests.audio.metrics.visqol.pair_list import PAIRS
from tests.audio.metrics.visqol.pairs import make_pairs, samples_hash

LIVE = [PAIRS[i * len(PAIRS) // 30] for i in range(30)]
REST = [pair for pair in PAIRS if pair not in LIVE]
QUICK = REST[::5]


def against_golden(pairs, precision):
    golden, oracle = read_golden(), Oracle()
    found = []
    for pair, reference, degraded, score in scored(pairs, precision):
        scored_then, expected = golden[pair.name]
        if samples_hash(reference, degraded) != scored_then:
            expected = oracle.score(reference, degraded)
        found += disagreements(pair.name, score, expected, precision)
    return found


@pytest.mark.parametrize("part", range(5))
def test_pairs_score_as_by_visqol_python(part):
    oracle = Oracle()
    found = []
    for pair, reference, degraded, score in scored(LIVE[part::5]):
        expected = oracle.score(reference, degraded)
        found += disagreements(pair.name, score, expected)
        np.testing.assert_allclose(score.fvnsim, expected.fvnsim, rtol=0, atol=1e-9)
        assert score.fvnsim.shape == (32,)
    assert found == []


@pytest.mark.parametrize("part", range(3))
def test_pairs_score_as_visqol_python_once_did(part):
    assert against_golden(QUICK[part::3], "exact") == []


def test_the_fast_path_finds_the_same_patches_and_scores():
    assert against_golden(REST[1::12], "fast") == []


@pytest.mark.long
@pytest.mark.parametrize("precision", ["exact", "fast"])
@pytest.mark.parametrize("part", range(4))
def test_all_pairs_score_as_visqol_python_once_did(part, precision):
    assert against_golden(PAIRS[part::4], precision) == []


def test_the_pairs_hold_every_process_and_have_their_golden_scores():
    assert len(PAIRS) >= 300
    assert len(LIVE) == 30
    names = [pair.name for pair in PAIRS]
    assert len(set(names)) == len(names)
    assert {pair.processes[0] for pair in PAIRS if len(pair.processes) == 1} == set(PROCESSES)
    golden = read_golden()
    assert list(golden) == names
    mos = np.array([score.mos for _, score in golden.values()])
    assert np.isfinite(mos).all()
    # Pairs of one kind would let much go unseen: scores and lags cover their ranges.
    assert np.histogram(mos, [1, 2, 3, 4, 4.74])[0].min() >= 20
    lags = np.array([score.lag_samples for _, score in golden.values()])
    assert min((lags > 0).sum(), (lags < 0).sum()) >= 15
    moved = [p for _, s in golden.values() for p in s.patches if p.degraded_start % 960]
    assert len(moved) >= 100


def test_a_name_stands_for_the_same_samples():
    some = PAIRS[5::40]
    hashes = [samples_hash(reference, degraded) for _, reference, degraded in make_pairs(some)]
    alone = [samples_hash(*samples) for p in reversed(some) for _, *samples in make_pairs([p])]
    assert hashes == alone[::-1]
