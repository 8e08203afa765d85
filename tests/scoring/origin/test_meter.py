"""The origin of a stream: the same whatever its blocks, told from any length, in flat memory."""

import numpy as np
import pytest
import soundfile

from musqa_pipeline.scoring import Scorer
from musqa_pipeline.scoring.origin.grid import find_grids
from musqa_pipeline.scoring.origin.meter import MOST_PIECES, PIECE_S, OriginMeter
from musqa_pipeline.scoring.origin.transforms import AAC
from musqa_pipeline.scoring.origin.verdict import HINT, LIKELY, POSSIBLE
from tests.audio.coded import ffmpeg
from tests.scoring.origin.test_grid import pieces_of, quantised
from tests.scoring.scan.library import RATE_HZ, as_mp3, cut_at, song


def origin_by(x, block):
    meter = OriginMeter(RATE_HZ)
    for start in range(0, len(x), block):
        meter.push(x[start : start + block])
    return meter.origin()


def test_blocks_of_any_size_give_the_same_answer():
    fake = as_mp3(song(3, 12))
    whole = origin_by(fake, len(fake))
    assert whole.verdict == "likely lossy"
    assert whole.evidence[0].startswith("frame grid: ")
    assert origin_by(fake, 4_000) == origin_by(fake, 65_536) == whole


def test_a_long_stream_is_heard_in_pieces_that_are_spread_over_it():
    meter = OriginMeter(RATE_HZ)
    rng = np.random.default_rng(1)
    piece = round(PIECE_S * RATE_HZ)
    block = 0.1 * rng.standard_normal((piece, 2)).astype(np.float32)
    for _ in range(40):
        meter.push(block)
    kept = sorted(meter._pieces)
    assert MOST_PIECES / 2 < len(kept) <= MOST_PIECES
    assert len(set(np.diff(kept))) == 1
    assert (kept[0], kept[-1]) == (0, 36)


def test_an_edge_makes_it_look_at_more_frames():
    x = cut_at(song(2, 12), 16_000).mean(axis=1)
    coded = quantised(AAC, x, 333)
    chosen = np.random.default_rng(5).random(len(x) // 4_096 + 1) < 0.3
    partly = np.where(chosen.repeat(4_096)[: len(x)], coded, x).astype(np.float32)
    pieces = pieces_of(partly, RATE_HZ)
    assert max(grid.strength for grid in find_grids(pieces, RATE_HZ)) < HINT
    found = origin_by(np.stack([partly, 0.7 * partly], axis=1), 65_536)
    assert (found.verdict, found.codec[:3]) == (LIKELY, "AAC")
    assert "begin at sample 333 of every 1024" in found.evidence[0]
    untouched = origin_by(np.stack([x, 0.7 * x], axis=1), 65_536)
    assert (untouched.verdict, untouched.codec) == (POSSIBLE, "")


def test_less_than_a_piece_is_told_and_silence_is_not():
    assert origin_by(song(3, 12)[:RATE_HZ], 4_000).verdict == "genuine"
    assert origin_by(np.zeros((12 * RATE_HZ, 2), np.float32), 65_536) is None


def test_a_low_rate_cannot_be_told():
    meter = OriginMeter(22_050)
    meter.push(song(3, 12))
    assert meter.origin() is None


@pytest.fixture(scope="module")
def scorer(model_path):
    return Scorer(model_path)


def test_a_score_has_it_whether_of_samples_or_of_a_file(scorer, tmp_path):
    fake = np.rint(as_mp3(song(3, 12)) * 32_768).clip(-32_768, 32_767).astype(np.int16)
    soundfile.write(tmp_path / "fake.flac", fake, RATE_HZ)
    score = scorer.score_file(tmp_path / "fake.flac")
    assert score.origin.verdict == "likely lossy"
    assert scorer.score(fake, RATE_HZ).origin == score.origin
    assert score.as_dict()["origin"]["codec"] == score.origin.codec != ""
    unnamed = Scorer(scorer.model, origin=False).score(fake, RATE_HZ)
    edges, guesses = (
        [e.text for e in each.events if e.kind == "band_edge"] for each in (score, unnamed)
    )
    assert "leave such an edge" in guesses[0]
    assert not any("leave" in text for text in edges)  # no guess at what the grid says
    assert Scorer(scorer.model, detect=False).score(fake, RATE_HZ).origin is None
    assert unnamed.origin is None


def test_a_file_that_is_lossy_itself_is_no_fake(scorer, tmp_path):
    soundfile.write(tmp_path / "song.mp3", song(3, 12), RATE_HZ)
    origin = scorer.score_file(tmp_path / "song.mp3").origin
    assert (origin.verdict, origin.codec) == ("lossy file", "MP3")
    ffmpeg("-i", tmp_path / "song.mp3", "-c:a", "aac", "-f", "ipod", tmp_path / "song.m4a")
    assert scorer.score_file(tmp_path / "song.m4a").origin.codec == "AAC"
