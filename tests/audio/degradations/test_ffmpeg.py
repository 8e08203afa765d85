import os
import re

import ffmpeg
import imageio_ffmpeg
import numpy as np
import pytest

from musqa_pipeline.audio.degradations.applied import stored_as_flac
from musqa_pipeline.audio.degradations.codecs import MP2, MP3, OPUS, CodecParams, encode_all
from musqa_pipeline.audio.degradations.ffmpeg import EncodeJob, decode, encode, ffmpeg_version
from musqa_pipeline.audio.files.flac import to_int16
from musqa_pipeline.core.errors import ToolError
from tests.audio.music import music

SHORT = to_int16(music()[:48_000])
JOBS = [
    EncodeJob(SHORT, "mp2", "mp2", (("b:a", "64k"),)),
    EncodeJob(SHORT[::-1].copy(), "libvorbis", "ogg", (("b:a", "64k"),)),
    EncodeJob(SHORT, "libmp3lame", "mp3", (("b:a", "48k"),)),
    EncodeJob(SHORT, "aac", "adts", (("b:a", "48k"),)),
    EncodeJob(SHORT, "libopus", "opus", (("b:a", "32k"),)),
] * 2


@pytest.fixture
def ffmpeg_is(monkeypatch):
    """Replace ffmpeg by another program."""

    def replace(path):
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
        ffmpeg_version.cache_clear()

    yield replace
    ffmpeg_version.cache_clear()


def test_a_stream_is_the_same_bytes_in_any_company():
    together = encode(JOBS)
    assert together[:5] == together[5:]
    assert [encode([job])[0] for job in JOBS[:5]] == together[:5]


def test_decoded_samples_are_the_same_in_any_company_and_order():
    streams = list(zip(["mp3", "ogg", "mp3", "aac", "ogg"], encode(JOBS[:5]), strict=True))
    together = decode([*streams, *streams])
    alone = [decode([stream])[0] for stream in streams]
    for i in range(10):
        np.testing.assert_array_equal(together[i], alone[i % 5])
    assert len({x.tobytes() for x in alone}) == 5


def test_flac_decodes_to_what_ffmpeg_gives():
    applied = stored_as_flac(music()[:48_000] * 0.37)
    out, _ = (
        ffmpeg.input("pipe:0", format="flac")
        .output("pipe:1", format="f32le", acodec="pcm_f32le")
        .run(
            cmd=imageio_ffmpeg.get_ffmpeg_exe(),
            input=applied.bitstream,
            capture_stdout=True,
            quiet=True,
        )
    )
    (x,) = decode([("flac", applied.bitstream)])
    np.testing.assert_array_equal(x, np.frombuffer(out, "<f4"))
    np.testing.assert_allclose(x, music()[:48_000] * 0.37, rtol=0, atol=2**-24)


def test_a_row_names_the_program_that_made_it():
    (applied,) = encode_all([(SHORT, MP3, CodecParams(64))])
    assert applied.encoder == f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()} libmp3lame"
    assert stored_as_flac(music()[:100]).encoder.startswith("libsndfile")


def test_a_missing_ffmpeg_is_one_sentence_that_says_what_to_do(ffmpeg_is, tmp_path):
    ffmpeg_is(tmp_path / "nothing")
    with pytest.raises(
        ToolError, match=r"ffmpeg cannot be run .*unset IMAGEIO_FFMPEG_EXE=.*nothing"
    ):
        encode(JOBS[:1])
    with pytest.raises(ToolError, match="ffmpeg cannot be run"):
        decode([("mp3", b"")])
    with pytest.raises(ToolError, match="ffmpeg cannot be run"):
        ffmpeg_version()


def test_without_any_ffmpeg_the_advice_is_to_reinstall(monkeypatch):
    def none_found():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", none_found)
    with pytest.raises(ToolError, match="pip install --force-reinstall imageio-ffmpeg"):
        encode(JOBS[:1])


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux has it")
@pytest.mark.parametrize("n_threads", ["1", "2"])
def test_a_process_held_to_one_thread_starts_ffmpeg_on_one_core(
    n_threads, ffmpeg_is, tmp_path, monkeypatch
):
    teller = tmp_path / "ffmpeg"
    teller.write_text("#!/bin/sh\ngrep Cpus_allowed_list /proc/self/status >&2\nexit 7\n")
    teller.chmod(0o755)
    ffmpeg_is(teller)
    monkeypatch.setenv("OMP_NUM_THREADS", n_threads)
    before = os.sched_getaffinity(0)
    with pytest.raises(ToolError) as told:
        encode(JOBS[:1])
    cores = re.search(r"Cpus_allowed_list:\s*([-,\d]+)\)", str(told.value))[1]
    assert cores.isdecimal() == (n_threads == "1" or len(before) == 1)
    assert os.sched_getaffinity(0) == before


def test_an_ffmpeg_that_fails_is_quoted(ffmpeg_is, tmp_path):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'first line' >&2\necho 'out of tape' >&2\nexit 7\n")
    broken.chmod(0o755)
    ffmpeg_is(broken)
    with pytest.raises(ToolError, match=r"exit code 7 \(out of tape\)"):
        encode(JOBS[:1])


def test_a_damaged_bitstream_is_an_error_and_never_silence():
    with pytest.raises(ToolError, match="ffmpeg failed with exit code"):
        decode([("ogg", b"not an ogg stream" * 100)])


def test_mp2_is_read_by_the_demuxer_that_knows_it_and_aac_stops_at_full_frames():
    assert (MP2.demuxer, OPUS.demuxer) == ("mp3", "ogg")
    jobs = [EncodeJob(SHORT, "aac", "adts", (("b:a", f"{n}k"),)) for n in (192, 320, 512, 700)]
    at = encode(jobs)
    assert at[0] != at[1] == at[2] == at[3]
