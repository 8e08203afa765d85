"""Reading files: blocks of one size, decoders in processes of their own, and limits."""

import os
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.files import decode_process, decoding
from musqa_pipeline.audio.files.blocks import block_frames, in_blocks, rechunked
from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.coded import write_m4a
from tests.audio.sounds import noise, write

RATE_HZ = 48_000


def read(path, **part):
    with open_audio(path, **part) as audio:
        return np.concatenate(list(audio.blocks)), audio.info


def test_blocks_have_one_size_whatever_comes_in():
    samples = noise(4, channels=2)
    size = block_frames(2)
    pieces = np.array_split(samples, [7, 8, 5_000, 140_000])
    for blocks in (list(rechunked(iter(pieces), 2)), list(in_blocks(samples, 2))):
        assert [len(b) for b in blocks[:-1]] == [size] * (len(samples) // size)
        np.testing.assert_array_equal(np.concatenate(blocks), samples)


def test_many_channels_make_shorter_blocks():
    assert block_frames(64) * 64 <= block_frames(8) * 8 == block_frames(2) * 2 * 4


def test_alac_is_decoded_by_a_child_to_the_same_samples(tmp_path):
    expected = write_m4a(tmp_path / "x.m4a", noise(3, channels=2))
    samples, info = read(tmp_path / "x.m4a")
    assert (info.codec, info.sample_rate_hz, info.channels) == ("alac", RATE_HZ, 2)
    np.testing.assert_array_equal(samples, expected)
    part, _ = read(tmp_path / "x.m4a", start_frame=1_000, n_frames=50_000)
    np.testing.assert_array_equal(part, expected[1_000:51_000])


def test_without_pyav_one_sentence_says_so(tmp_path, monkeypatch):
    (tmp_path / "x.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    monkeypatch.setattr(decoding.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        UnfitInputError, match=r"unknown_format.*pip install 'musqa-pipeline\[m4a\]"
    ):
        read(tmp_path / "x.m4a")


CRASHES = """
import musqa_pipeline.audio.files.reading as reading, contextlib, os, numpy as np
def blocks():
    yield np.zeros((70_000, 2), np.float32)
    {end}
@contextlib.contextmanager
def open_file(path, **part):
    yield reading.AudioInfo(48000, 2, "aac", 0), blocks()
reading.open_file = open_file
"""


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("os.kill(os.getpid(), 11)", r"damaged: the decoder crashed \(signal 11\)"),
        ("os._exit(3)", r"damaged: the decoder crashed \(exit code 3\)"),
        ("raise reading.DecodeError('after 2 s')", "damaged: after 2 s"),
    ],
)
def test_a_decoder_that_crashes_is_an_error_of_its_file(end, message, tmp_path, monkeypatch):
    (tmp_path / "x.m4a").write_bytes(b"not audio that soundfile knows")
    real = decode_process.PROGRAM
    monkeypatch.setattr(decode_process, "PROGRAM", CRASHES.format(end=end) + real)
    with pytest.raises(UnfitInputError, match=message):
        read(tmp_path / "x.m4a")


def started(monkeypatch):
    """Count the decoders that are started."""
    real, commands = decode_process.subprocess.Popen, []

    def popen(*args, **kwargs):
        commands.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(decode_process.subprocess, "Popen", popen)
    decode_process._stop_all()
    return commands


def test_one_decoder_serves_files_that_follow_each_other(tmp_path, monkeypatch):
    commands = started(monkeypatch)
    write_m4a(tmp_path / "x.m4a", noise(4, channels=2))
    (tmp_path / "junk.m4a").write_bytes(b"not audio")
    first, _ = read(tmp_path / "x.m4a")
    with pytest.raises(UnfitInputError, match="damaged"):
        read(tmp_path / "junk.m4a")
    np.testing.assert_array_equal(read(tmp_path / "x.m4a")[0], first)
    assert len(commands) == 1


def test_a_decoder_that_is_left_in_the_middle_is_not_asked_again(tmp_path, monkeypatch):
    commands = started(monkeypatch)
    write_m4a(tmp_path / "x.m4a", noise(20, channels=2))
    whole, _ = read(tmp_path / "x.m4a")
    with decoding.open_audio(tmp_path / "x.m4a") as audio:
        next(audio.blocks)
    np.testing.assert_array_equal(read(tmp_path / "x.m4a")[0], whole)
    assert len(commands) == 2


def test_a_decoder_that_died_while_it_waited_is_replaced(tmp_path, monkeypatch):
    commands = started(monkeypatch)
    write_m4a(tmp_path / "x.m4a", noise(4, channels=2))
    first, _ = read(tmp_path / "x.m4a")
    waiting = decode_process._idle[-1].process
    waiting.kill()
    waiting.wait()
    np.testing.assert_array_equal(read(tmp_path / "x.m4a")[0], first)
    assert len(commands) == 2


def test_a_part_is_read_by_seeking(tmp_path):
    samples = noise(4, channels=2)
    path = write(tmp_path / "x.wav", samples, subtype="FLOAT")
    part, _ = read(path, start_frame=100_000, n_frames=20_000)
    np.testing.assert_array_equal(part, samples[100_000:120_000])


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda p: None, "unreadable: No such file or directory; check the path"),
        (lambda p: p.touch(), "empty: the file has 0 bytes; get the file again"),
        (lambda p: p.mkdir(), "unreadable: it is no regular file"),
        (lambda p: os.mkfifo(p), "unreadable: it is no regular file"),
        (
            lambda p: p.write_bytes(b"\xff\xd8\xff\xe0JFIF" + bytes(2_000)),
            "damaged: the file holds no audio stream",
        ),
        (lambda p: p.symlink_to(p), "unreadable: Too many levels of symbolic links"),
    ],
    ids=["missing", "empty", "folder", "pipe", "JPEG", "loop"],
)
def test_what_is_no_audio_file_is_named(prepare, message, tmp_path):
    path = tmp_path / "x.flac"
    prepare(path)
    with pytest.raises(UnfitInputError, match=message):
        read(path)


def test_without_pyav_a_picture_named_mp3_is_no_missing_file(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding.importlib.util, "find_spec", lambda name: None)
    path = tmp_path / "x.mp3"
    path.write_bytes(b"\xff\xd8\xff\xe0JFIF" + bytes(range(256)) * 20)
    with pytest.raises(UnfitInputError, match=r"read it \(format not recognised\); M4A"):
        read(path)


def test_a_header_alone_is_no_recording(tmp_path):
    path = write(tmp_path / "x.wav", np.zeros((0, 2), np.float32))
    with pytest.raises(UnfitInputError, match="damaged: it holds no sample"):
        read(path)


def test_a_truncated_flac_is_told(tmp_path):
    path = write(tmp_path / "x.flac", noise(5))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnfitInputError, match=r"damaged: decoding stops after \d\.\d s of 5\.0 s"):
        read(path)


def grow(path):
    with path.open("ab") as stream:
        stream.write(bytes(100))


def rewrite(path):
    data = path.read_bytes()
    path.write_bytes(data[:-4] + b"abcd")
    os.utime(path, ns=(1, 1))


def replace(path):
    other = path.with_name("other.wav")
    shutil.copy(path, other)
    other.replace(path)


def read_while(path, change):
    with open_audio(path) as audio:
        next(audio.blocks)
        change(path)
        list(audio.blocks)


@pytest.mark.parametrize("change", [grow, rewrite, replace])
def test_a_file_that_changes_while_it_is_read_is_told(change, tmp_path):
    path = write(tmp_path / "x.wav", noise(4))
    with pytest.raises(UnfitInputError, match="changed: the file changed while it was read; wait"):
        read_while(path, change)


def test_a_file_that_vanishes_while_it_is_read_is_told(tmp_path):
    path = write(tmp_path / "x.wav", noise(4))
    with pytest.raises(UnfitInputError, match="unreadable: No such file"):
        read_while(path, Path.unlink)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "message"),
    [(100, 1, "100 Hz; resample"), (1_000_000, 1, "1000000 Hz; resample"), (48_000, 65, "65 chan")],
)
def test_rates_and_channels_that_no_music_has_are_refused(rate_hz, channels, message, tmp_path):
    path = write(tmp_path / "x.wav", np.zeros((1_000, channels), np.float32), rate_hz)
    with pytest.raises(UnfitInputError, match=f"odd_format: {message}"):
        read(path)


def flac_with_length(path, n_frames):
    """A FLAC file whose header claims another length."""
    data = bytearray(write(path, noise(1)).read_bytes())
    assert data[:4] == b"fLaC"
    assert data[4] & 0x7F == 0
    packed = int.from_bytes(data[18:26], "big")  # rate, channels, bits, and 36 bits of length
    data[18:26] = (packed & ~((1 << 36) - 1) | n_frames).to_bytes(8, "big")
    path.write_bytes(data)
    return path


def test_a_header_that_claims_weeks_is_refused_at_once(tmp_path):
    path = flac_with_length(tmp_path / "x.flac", (1 << 36) - 1)
    assert soundfile.info(path).duration > 14 * 86_400
    with pytest.raises(
        UnfitInputError, match=r"too_long: the header says 397\.7 h, the limit is 24"
    ):
        read(path)


def test_a_file_that_claims_more_than_it_holds_is_told(tmp_path):
    path = flac_with_length(tmp_path / "x.flac", RATE_HZ * 3_600)
    with pytest.raises(UnfitInputError, match=r"damaged: decoding stops after .* s of 3600"):
        read(path)


def test_a_file_that_goes_on_beyond_its_header_is_cut_off(tmp_path):
    path = write(tmp_path / "x.mp3", noise(8))
    with (
        pytest.raises(UnfitInputError, match=r"too_long: .*limit is 3\.6 s"),
        open_audio(path, max_duration_s=3.6) as audio,
    ):
        list(audio.blocks)


def wav_with_bext(path, samples, *, n_bytes, n_there, first):
    """A WAV file with a chunk of a broadcast's description that claims its length."""
    write(path, samples)
    wav = path.read_bytes()
    data = wav.index(b"data")
    bext = b"bext" + n_bytes.to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(wav[:data] if first else wav)
        file.write(bext)
        file.seek(n_there, os.SEEK_CUR)  # a hole, which takes no room on the disk
        file.write(wav[data:] if first else b"")
        file.truncate(file.tell())
    return path


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("n_there", [602, 2**31 - 16])
def test_a_description_of_2_gb_takes_no_memory(first, n_there, tmp_path):
    samples = noise(1.0)
    path = wav_with_bext(
        tmp_path / "x.wav", samples, n_bytes=2**31 - 16, n_there=n_there, first=first
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if first and n_there == 602:  # the samples are gone with what it claims
        with pytest.raises(UnfitInputError, match="damaged"):
            read(path)
    else:
        np.testing.assert_allclose(read(path)[0], samples, atol=2**-15)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
