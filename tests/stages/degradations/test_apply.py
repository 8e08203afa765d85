import hashlib

import numpy as np
import pytest

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES
from musqa_pipeline.audio.degradations.rebuild import aligned, degraded_audio
from musqa_pipeline.audio.files.flac import to_int16
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.stages.degradations.apply import BETWEEN_SAMPLES, degrade_reference
from musqa_pipeline.stages.degradations.checks import estimate_lag_samples
from musqa_pipeline.stages.degradations.plan import plan_reference
from musqa_pipeline.stages.degradations.table import DEGRADATIONS as TABLE
from tests.audio.music import music

CASCADES = ("1_9", "9_17", "17_1", "28_33", "25_2", "26_2", "42_45", "12_42")
ALL = DegradationsSettings(include_reference=True)


def rows_of(*processes):
    """Plan rows for processes by name, in the order given."""
    known = {row["process"]: row for row in plan_reference("a-0", 2025, ALL)}
    return [known[process] for process in processes]


@pytest.fixture(scope="module")
def made():
    """Every process of the paper and one cascade of each kind, from one reference."""
    rows = degrade_reference(rows_of("0", *map(str, range(1, 46)), *CASCADES), music())
    return {row["process"]: row for row in rows}


@pytest.fixture(scope="module")
def audio(made):
    return dict(zip(made, degraded_audio(made.values()), strict=True))


def test_rows_fit_the_table_and_come_in_the_order_of_the_plan(made):
    assert list(made) == ["0", *map(str, range(1, 46)), *CASCADES]
    assert TABLE.from_rows(made.values()).num_rows == 54


def test_every_process_and_cascade_is_aligned_to_one_sample(audio):
    reference = music()[:EXCERPT_SAMPLES]
    lags = {p: estimate_lag_samples(reference, x) for p, x in audio.items()}
    assert {p: lag for p, lag in lags.items() if abs(lag) > 1} == {}
    assert {p for p, lag in lags.items() if lag != 0} <= {"42", "43", "44", "45", *CASCADES}


def test_no_edge_of_any_output_tells_the_codec_by_zeros(audio):
    runs = {}
    for process, x in audio.items():
        for end, y in (("start", x), ("end", x[::-1])):
            n_zeros = int(np.argmax(y != 0))
            # Quieter than the music beside it by 40 dB over 5 ms is as telling as zeros.
            faded = np.std(y[:240]) < 0.01 * np.std(y[2_400:7_200])
            if n_zeros > 2 or faded:
                runs[process, end] = n_zeros
    assert runs == {}


def test_every_excerpt_has_exactly_ten_seconds_of_float32(audio):
    assert {(x.shape, x.dtype.name) for x in audio.values()} == {((480_000,), "float32")}


def test_every_excerpt_is_at_the_target_loudness(made, audio):
    for process, x in audio.items():
        measured_lufs = integrated_lufs(x)
        assert measured_lufs == pytest.approx(-23.0, abs=0.1), process
        assert made[process]["loudness_lufs"] == pytest.approx(measured_lufs, abs=1e-9)


def test_another_target_is_reached_too_and_overs_are_counted():
    (row,) = degrade_reference(rows_of("10"), music(), target_lufs=-6.0)
    (x,) = degraded_audio([row])
    assert integrated_lufs(x) == pytest.approx(-6.0, abs=0.1)
    assert row["n_over_full_scale"] == np.count_nonzero(np.abs(x) > 1.0) > 0


def test_a_row_rebuilds_the_very_samples_that_were_hashed(made, audio):
    for process, x in audio.items():
        digest = hashlib.blake2b(x.tobytes(), digest_size=16).hexdigest()
        assert digest == made[process]["pcm_hash"], process
        assert len(made[process]["bitstream"]) == made[process]["bitstream_bytes"]


def test_the_untouched_reference_stays_untouched(made, audio):
    np.testing.assert_array_equal(audio["0"], music()[:EXCERPT_SAMPLES])
    assert made["0"]["gain_db"] == 0.0


def test_aac_beyond_full_frames_is_marked_identical_and_nothing_else_is(made):
    identical = {p: row["identical_to"] for p, row in made.items() if row["identical_to"]}
    assert identical == {"26": "a-0-25", "27": "a-0-25", "26_2": "a-0-25_2"}


def test_every_process_does_some_damage_and_no_two_do_the_same(audio):
    different = {x.tobytes() for process, x in audio.items() if process not in ("26", "27", "26_2")}
    assert len(different) == 51


@pytest.mark.parametrize("process", ["12_42", "42_45", "28_33"])
def test_a_cascade_is_its_second_half_on_the_first_at_16_bit(made, process):
    first, second = (PROCESSES[int(i)] for i in process.split("_"))
    half = DEGRADATIONS[first.name].apply(music(), first.params)
    (decoded,) = decode([(half.container, half.bitstream)])
    between = to_int16(aligned(half, decoded)[:BETWEEN_SAMPLES]) / np.float32(32768)
    whole = DEGRADATIONS[second.name].apply(between, second.params)
    assert whole.bitstream == made[process]["bitstream"]


def test_first_halves_reach_beyond_the_ten_seconds():
    for process in PROCESSES.values():
        if process.process_id in (1, 9, 17, 28, 33):
            applied = DEGRADATIONS[process.name].apply(music(), process.params)
            (decoded,) = decode([(applied.container, applied.bitstream)])
            assert len(aligned(applied, decoded)) >= BETWEEN_SAMPLES, process


def test_neither_company_nor_order_changes_a_row(made):
    plan = rows_of("12_42", "45", "33", "9_17", "2")
    for row in degrade_reference(plan, music()):
        assert row == made[row["process"]]


def test_a_result_without_any_sound_is_refused_with_a_reason():
    t = np.arange(len(music())) / 48_000
    reference = (0.1 * np.sin(2 * np.pi * 22_500 * t)).astype(np.float32)
    with pytest.raises(UnfitInputError, match=r"silent_result: .* -70 LUFS; remove the track"):
        degrade_reference(rows_of("42"), reference)
