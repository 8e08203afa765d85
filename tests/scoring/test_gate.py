"""The gate: what passes, what does not, and why."""

from dataclasses import replace

import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.scoring.batch import Result
from musqa_pipeline.scoring.gate import Rules, check, read_baseline, write_baseline
from musqa_pipeline.scoring.score import Score

SCORE = Score(
    mos=4.2, mos_low=3.9, mos_high=4.5, word="good", abstained="", reason="", flags=(),
    duration_s=10.0, sample_rate_hz=48_000, channels=2, bandwidth_hz=16_000.0,
    loudness_lufs=-14.0, true_peak_dbtp=-1.0, cause="nothing above 16.0 kHz", model="small 1",
)  # fmt: skip
GOOD = Result("a.wav", SCORE)
SILENT = Result("s.wav", replace(SCORE, mos=None, abstained="silence", reason="nothing to hear"))
BROKEN = Result("b.wav", None, "damaged: half of it")


@pytest.mark.parametrize(
    ("result", "rules", "reasons"),
    [
        (GOOD, Rules(min_mos=4.2), ()),
        (GOOD, Rules(min_mos=4.21), ("4.20 is below 4.21 (nothing above 16.0 kHz)",)),
        (GOOD, Rules(min_mos=3.9, sure=True), ()),
        (GOOD, Rules(min_mos=4.0, sure=True),
         ("the interval reaches down to 3.90, below 4 (nothing above 16.0 kHz)",)),
        (GOOD, Rules(baseline={"a.wav": 4.29}), ()),
        (GOOD, Rules(baseline={"a.wav": 4.35}), ("fell by 0.15 from 4.35, more than 0.1",)),
        (GOOD, Rules(baseline={"a.wav": 4.35}, max_drop=0.2), ()),
        (GOOD, Rules(baseline={"other.wav": 4.7}), ()),
        (GOOD, Rules(min_mos=4.5, baseline={"a.wav": 4.6}),
         ("4.20 is below 4.5 (nothing above 16.0 kHz)", "fell by 0.40 from 4.60, more than 0.1")),
        (SILENT, Rules(min_mos=4.0), ("no score: nothing to hear",)),
        (SILENT, Rules(min_mos=4.0, allow_abstained=True), ()),
        (BROKEN, Rules(min_mos=1.0, allow_abstained=True), ("damaged: half of it",)),
        (Result("a.wav", replace(SCORE, mos_low=None)), Rules(min_mos=4.0, sure=True),
         ("the model gives no interval; leave --sure out, or use a calibrated model",)),
    ],
)  # fmt: skip
def test_a_file_passes_or_is_told_every_reason(result, rules, reasons):
    found = check(result, rules)
    assert found.reasons == reasons
    assert found.passed == (not reasons)


def test_a_baseline_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "baseline.csv"
    odd = Result('odd, "name"\n.wav', replace(SCORE, mos=3.14159))
    assert write_baseline(path, [odd, GOOD, SILENT, BROKEN]) == 2
    assert path.read_text().splitlines()[:2] == ["file,mos,model", "a.wav,4.2000,small 1"]
    assert read_baseline(path, "small 1") == {"a.wav": 4.2, odd.name: 3.1416}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,score\na,1\n", r"expected the columns file,mos; write one with"),
        ("file,mos\na,high\n", r"line 2: mos='high' is no number; mend it"),
        ("file,mos\na,nan\n", r"line 2: mos='nan' is no number"),
        ("file,mos,model\na,4.0,small 2\n", r"is of the model 'small 2', and now 'small 1' scores"),
    ],
)
def test_a_wrong_baseline_is_refused(text, message, tmp_path):
    (tmp_path / "b.csv").write_text(text)
    with pytest.raises(SettingsError, match=message):
        read_baseline(tmp_path / "b.csv", "small 1")


def test_a_missing_baseline_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot read the baseline .*b\.csv: No such file"):
        read_baseline(tmp_path / "b.csv", "small 1")
