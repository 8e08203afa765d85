"""What users of ViSQOL have met and asked about, each as a statement that must stay true.

Limits on scores are those that visqol-python gives for the same pairs, with some room.
"""

import numpy as np
import pytest

from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.metrics.visqol.agreement import scored
from tests.audio.metrics.visqol.oracle import Oracle
from tests.audio.metrics.visqol.pairs import Pair, make_reference

IDENTITY_MOS = 4.732101253042348
"""The published score of castanets against themselves; it is the same for any music."""
SECOND = 48_000


def mos_of(*pairs):
    return [score.mos for *_, score in scored(pairs)]


@pytest.fixture(scope="module")
def reference():
    return Reference(make_reference("folk"))


@pytest.mark.parametrize("name", ["folk", "notes", "jazz_3s"])
def test_identical_input_gives_4_73_and_not_5(name):
    x = make_reference(name)
    score = Reference(x).score(x)
    assert score.mos == pytest.approx(IDENTITY_MOS, abs=1e-9)
    assert score.vnsim == pytest.approx(1.0, abs=1e-12)
    assert score.fvnsim.shape == (32,)
    assert score.lag_samples == 0
    assert all(p.similarity == pytest.approx(1.0) for p in score.patches)


def test_lengths_may_differ_by_a_second():
    pairs = [
        Pair("folk", edits=((what, SECOND),))
        for what in ("front_added", "longer", "shorter", "front_cut")
    ]
    scores = [score for *_, score in scored(pairs)]
    assert [score.lag_samples for score in scores] == [SECOND, 0, 0, -SECOND]
    assert [len(score.patches) for score in scores] == [16, 16, 15, 16]
    # A front of silence is undone wholly; what is missing costs its share.
    assert scores[0].mos == pytest.approx(IDENTITY_MOS, abs=1e-9)
    assert all(4.5 < score.mos < IDENTITY_MOS for score in scores[1:])


def test_noise_alone_does_not_score_1_where_the_reference_pauses():
    pauses, quartet = (Pair(name, edits=(("noise_alone", 1e-4),)) for name in ("pauses", "quartet"))
    with_pauses, without = mos_of(pauses, quartet)
    assert 2.0 < with_pauses < 3.0
    assert without == 1.0


def test_digital_silence_has_no_score(reference):
    silence = np.zeros(10 * SECOND, np.float32)
    with np.errstate(invalid="ignore"):
        assert np.isnan(Oracle().score(make_reference("folk"), silence).mos)
    with pytest.raises(UnfitInputError, match="silent"):
        reference.score(silence)
    with pytest.raises(UnfitInputError, match="silent"):
        Reference(silence).score(make_reference("folk"))


def test_a_sample_that_is_no_number_has_no_score(reference):
    broken = make_reference("folk").copy()
    broken[12_345] = np.nan
    with pytest.raises(UnfitInputError, match="finite"):
        reference.score(broken)
    broken[12_345] = np.inf
    with pytest.raises(UnfitInputError, match="finite"):
        reference.score(broken)


def test_less_than_45_frames_are_refused_and_45_are_scored(reference):
    x = make_reference("folk")
    least = 3_840 + 44 * 960
    assert Reference(x[:least]).score(x[:least]).mos == pytest.approx(IDENTITY_MOS, abs=1e-9)
    with pytest.raises(UnfitInputError, match=r"0\.96 s"):
        Reference(x[: least - 1]).score(x[:least])
    with pytest.raises(UnfitInputError, match="short"):
        reference.score(x[:3_839])


def test_high_bitrates_are_hardly_told_apart():
    mp3 = {32: 9, 48: 10, 192: 14, 256: 15, 320: 16}  # processes of table I by kbit/s
    mos = dict(zip(mp3, mos_of(*(Pair("folk", (i,)) for i in mp3.values())), strict=True))
    assert mos[48] - mos[32] > 0.5
    assert 0 <= mos[256] - mos[192] < 0.05
    assert abs(mos[320] - mos[256]) < 0.05


def test_hum_clicks_and_holes_cost_less_than_they_annoy():
    hum, clicks, holes, lowpass = mos_of(
        Pair("quartet", edits=(("hum", -30),)),
        Pair("quartet", edits=(("clicks", 10),)),
        Pair("jazz", edits=(("holes", 3),)),
        Pair("folk", (42,)),
    )
    assert hum > 4.7
    assert min(clicks, holes) > 4.3
    assert lowpass < 2.0


def test_level_and_polarity_do_not_matter(reference):
    ((_, _, degraded, score),) = scored([Pair("folk", (12,))])
    for factor in (0.01, 3.0, -1.0):
        changed = reference.score(degraded.astype(np.float64) * factor)
        assert changed.mos == pytest.approx(score.mos, abs=1e-9)
        assert changed.lag_samples == score.lag_samples


def test_a_delay_is_found_undone_and_told_with_its_sign():
    pairs = [Pair("folk", edits=((what, 777),)) for what in ("late", "early")]
    late, early = (score for *_, score in scored(pairs))
    assert (late.lag_samples, early.lag_samples) == (777, -777)
    assert min(late.mos, early.mos) > 4.7


def test_a_delay_beyond_half_the_length_is_not_undone():
    within, beyond = (Pair("folk", edits=(("late", n),)) for n in (239_999, 240_001))
    lags = [score.lag_samples for *_, score in scored([within, beyond])]
    assert lags == [239_999, 0]


def test_a_batch_scores_like_its_members(reference):
    pairs = [Pair("folk", (i,)) for i in (1, 12, 20)]
    pairs += [Pair("folk", edits=(("late", 1_105),)), Pair("folk", (35,), (("shorter", 9_999),))]
    some = list(scored(pairs))
    batch = reference.score_batch([degraded for _, _, degraded, _ in some])
    assert len(batch) == len(some)
    for (pair, *_, alone), together in zip(some, batch, strict=True):
        assert together.mos == pytest.approx(alone.mos, abs=1e-9), pair.name
        assert together.lag_samples == alone.lag_samples, pair.name
        starts = [[p.degraded_start_s for p in score.patches] for score in (alone, together)]
        assert starts[0] == starts[1], pair.name
    assert reference.score_batch([]) == []


def test_a_score_is_repeated_to_the_last_bit(reference):
    ((_, _, degraded, score),) = scored([Pair("folk", (20,), (("late", 333),))])
    moved = np.concatenate([[0], degraded]).astype(np.float32)[1:]  # in other memory
    for again in (reference.score(moved), Reference(make_reference("folk")).score(degraded)):
        assert again.mos == score.mos
        assert again.fvnsim.tobytes() == score.fvnsim.tobytes()
