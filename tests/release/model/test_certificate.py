"""The shipped model keeps its certificate: here on a piece, in the long form on all we have."""

import json

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.files import reading
from musqa_pipeline.audio.files.lengths import Length
from musqa_pipeline.audio.files.soundfile_names import StreamedFile
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.release.model.assemble import certified_pieces
from musqa_pipeline.release.model.certificate import (
    LOSSY,
    Line,
    as_rows,
    certify,
    lossy_scores,
    made_piece,
)
from musqa_pipeline.release.model.not_music import sounds_that_are_no_music
from musqa_pipeline.scoring.model_file import SHIPPED
from musqa_pipeline.scoring.scorer import Scorer
from tests import SHARED
from tests.release.model.sounds import piece
from tests.scoring.small_model import write_model

MUSIC = SHARED / "music"


@pytest.fixture(scope="module")
def scorer():
    return Scorer(SHIPPED, detect=False)


def test_a_piece_in_other_clothes_has_the_same_score():
    lines = certify(SHIPPED, [made_piece("folk song", piece(2, 12.0), 48_000)])
    assert [line.what for line in lines if line.limit_mos == 0] == [
        "the same samples as AIFF, ALAC, FLAC, WAV",
        "alone, or among others in any order",
        "1 or 4 threads",
    ]
    assert [line for line in lines if not line.holds] == []
    assert len(lines) == 9


@pytest.mark.long
def test_all_pieces_and_recordings_keep_the_certificate():
    pieces = certified_pieces()
    for path in sorted(MUSIC.glob("*.flac"))[::8]:
        samples, rate_hz = soundfile.read(path, frames=1_200_000, always_2d=True)
        if np.abs(samples).max() > 0 and len(samples) > 12 * rate_hz:
            pieces.append(made_piece(path.name, samples, rate_hz))
    lines = certify(SHIPPED, pieces)
    assert [line for line in lines if not line.holds] == []


def test_a_model_that_hears_the_level_loses_its_certificate(tmp_path):
    """A certificate that no model could fail would say nothing."""

    class Loud(Scorer):
        def score(self, samples, sample_rate_hz, **window):
            found = super().score(samples, sample_rate_hz, **window)
            peak = float(np.abs(samples).max())
            return type(found)(**{**found.__dict__, "mos": (found.mos or 1.0) + peak})

    path = write_model(tmp_path / "small.onnx")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("musqa_pipeline.release.model.certificate.Scorer", Loud)
        patch.setattr("musqa_pipeline.release.model.certificate._threads", lambda *_: None)
        lines = certify(path, [made_piece("folk song", piece(2, 12.0), 48_000)])
    lost = {line.what for line in lines if line is not None and not line.holds}
    assert "gain of -6 and +6 dB, in float" in lost
    assert "left and right swapped" not in lost


def test_a_decoder_that_begins_anew_at_each_block_loses_the_line_of_lossy_files(monkeypatch):
    """python-soundfile seeks after each block of a file that can seek."""
    name, samples = "folk song", piece(2, 12.0)
    whole = list(lossy_scores(Scorer(SHIPPED, detect=False), [(name, samples)]))
    assert len(whole) == len(LOSSY)
    assert max(abs(of_file - of_samples) for _, of_file, of_samples in whole) <= 0.02
    monkeypatch.setattr(StreamedFile, "seekable", soundfile.SoundFile.seekable)
    monkeypatch.setattr(reading, "length_of", lambda _, file: Length("known", file.frames))
    anew = list(lossy_scores(Scorer(SHIPPED, detect=False), [(name, samples)]))
    assert max(abs(of_file - of_samples) for _, of_file, of_samples in anew) > 0.02


def test_music_of_which_nothing_is_scored_is_named(tmp_path):
    path = write_model(tmp_path / "far.onnx", distance=3.0)
    with pytest.raises(StageError, match="a score for none of the pieces; add music"):
        certify(path, [made_piece("folk song", piece(2, 12.0), 48_000)])


def test_silence_is_no_piece():
    with pytest.raises(StageError, match="certificate: nothing is silent; choose other music"):
        made_piece("nothing", np.zeros((10, 2)), 48_000)


def test_a_piece_is_whole_steps_of_16_bit_with_room_for_gain():
    made = made_piece("mono", 0.1 * np.sin(np.arange(1000))[:, None], 48_000)
    assert made.samples.shape == (1000, 2)
    np.testing.assert_array_equal(made.samples * 32_768, np.round(made.samples * 32_768))
    assert np.abs(made.samples).max() == pytest.approx(0.45, abs=1e-4)


@pytest.mark.parametrize("kind", sorted(sounds_that_are_no_music()))
def test_what_is_no_music_gets_no_score(scorer, kind):
    for sound in sounds_that_are_no_music()[kind]:
        score = scorer.score(sound, 48_000)
        assert score.mos is None, kind
        assert score.abstained in {"unfamiliar", "speech", "short"}


@pytest.mark.parametrize("style", [2, 8])
def test_unmet_music_is_scored_and_a_low_pass_costs(scorer, style):
    samples = piece(style, 12.0)
    whole = scorer.score(samples, 48_000)
    spectrum = np.fft.rfft(samples, axis=0)
    spectrum[np.fft.rfftfreq(len(samples), 1 / 48_000) > 3_500] = 0
    dull = scorer.score(np.fft.irfft(spectrum, len(samples), axis=0).astype(np.float32), 48_000)
    assert whole.mos is not None
    assert dull.mos is not None
    assert whole.mos > dull.mos + 0.5
    assert whole.mos_low <= whole.mos <= whole.mos_high
    assert dull.mos_high < whole.mos_high


def test_the_shipped_card_and_certificate_are_of_the_shipped_model(scorer):
    card = (SHIPPED.parent / "MODEL_CARD.md").read_text()
    assert scorer.model.card == card
    certificate = json.loads((SHIPPED.parent / "certificate.json").read_text())
    assert all(line["holds"] for line in certificate["invariance"])
    assert certificate["torch_and_onnxruntime"] <= 1e-4
    coverage = json.loads((SHIPPED.parent / "calibration.json").read_text())["coverage"]
    assert coverage["out_of_fold"]["low"] <= 0.9 <= coverage["out_of_fold"]["high"]
    assert SHIPPED.stat().st_size < 20e6


def test_lines_become_plain_values():
    [row] = as_rows([Line("x", 0.2, 0.1, 3, "a")])
    assert row == {
        "what": "x", "largest_mos": 0.2, "limit_mos": 0.1, "n": 3, "where": "a", "holds": False,
    }  # fmt: skip
