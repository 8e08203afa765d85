from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.files.reading import DecodeError, read_blocks, read_info, to_mono
from tests import ROOT
from tests.audio.coded import read_span
from tests.audio.sounds import RATE_HZ, noise, write

SAMPLES = noise(2.0, channels=2)


def write_av(path, codec, samples=SAMPLES, rate_hz=RATE_HZ):
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Song"
        layout = {1: "mono", 2: "stereo"}[samples.shape[1]]
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.reshape(1, -1)), format="flt", layout=layout
        )
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, stream.layout, rate_hz)
        for converted in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "options", "codec", "lossy", "tolerance"),
    [
        ("a.wav", {"subtype": "PCM_16"}, "pcm_s16le", False, 1e-4),
        ("a.wav", {"subtype": "FLOAT"}, "pcm_f32le", False, 0),
        ("a.aiff", {"subtype": "PCM_24"}, "pcm_s24be", False, 1e-6),
        ("a.flac", {"subtype": "PCM_24"}, "flac", False, 1e-6),
        ("a.wav", {"subtype": "ULAW"}, "pcm_mulaw", True, 0.02),
        ("a.mp3", {}, "mp3", True, None),
        ("a.ogg", {"subtype": "VORBIS"}, "vorbis", True, None),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}, "opus", True, None),
    ],
)
def test_what_soundfile_reads(tmp_path, name, options, codec, lossy, tolerance):
    path = write(tmp_path / name, SAMPLES, **options)
    info = read_info(path)
    decoded = np.concatenate(list(read_blocks(path)))
    assert (info.codec, info.is_lossy) == (codec, lossy)
    assert (info.sample_rate_hz, info.channels) == (RATE_HZ, 2)
    assert info.declared_frames == len(decoded) == len(SAMPLES)
    if tolerance is not None:
        np.testing.assert_allclose(decoded, SAMPLES, atol=tolerance)
    np.testing.assert_array_equal(read_span(path, 12_345, 40_000), decoded[12_345:52_345])


def test_alac_is_lossless_through_pyav(tmp_path):
    path = write_av(tmp_path / "a.m4a", "alac")
    info = read_info(path)
    decoded = np.concatenate(list(read_blocks(path)))
    assert (info.codec, info.is_lossy, info.tags["title"]) == ("alac", False, "Song")
    np.testing.assert_allclose(decoded, SAMPLES, atol=1e-4)
    np.testing.assert_array_equal(read_span(path, 12_345, 40_000), decoded[12_345:52_345])


@pytest.mark.parametrize("name", ["a.m4a", "a.aac"])
def test_aac_is_lossy_and_decodes_through_pyav(tmp_path, name):
    path = write_av(tmp_path / name, "aac")
    info = read_info(path)
    decoded = np.concatenate(list(read_blocks(path)))
    assert (info.codec, info.is_lossy, info.channels) == ("aac", True, 2)
    assert decoded.dtype == np.float32
    assert len(decoded) == pytest.approx(len(SAMPLES), abs=4096)
    level = np.sqrt(np.mean(decoded**2) / np.mean(SAMPLES**2))
    assert level == pytest.approx(1.0, abs=0.3)  # at its default rate it drops the treble


def test_the_tags_of_a_file_are_read(tmp_path):
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", RATE_HZ, 2, format="FLAC") as file:
        file.title, file.artist, file.genre = "T", "A", "jazz"
        file.write(SAMPLES)
    assert read_info(path).tags == {"title": "T", "artist": "A", "genre": "jazz"}


def test_a_name_that_is_no_utf8_can_be_read(tmp_path):
    path = write(tmp_path / "raw\udcff.flac", SAMPLES, format="FLAC")
    assert read_info(path).channels == 2
    assert read_span(path, 0, 10).shape == (10, 2)


def test_text_named_mp3_is_called_an_unknown_format_and_not_missing(tmp_path):
    path = tmp_path / "été.mp3"
    path.write_text("no music\n")
    with pytest.raises(DecodeError, match=r"^no known audio format: Invalid data found"):
        read_info(path)


def test_a_picture_is_no_audio(tmp_path):
    path = tmp_path / "cover.mp3"
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 20)
    with pytest.raises(DecodeError, match=r"no known audio format|holds no audio"):
        read_info(path)


def test_a_video_without_sound_is_no_audio(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(DecodeError, match="holds no audio stream"):
        read_info(path)


def test_a_flac_cut_in_two_says_how_far_it_goes(tmp_path):
    whole = write(tmp_path / "a.flac", noise(4.0))
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(
        DecodeError, match=r"decoding stops after [12]\.\d s of 4\.0 s: .*lost sync"
    ):
        list(read_blocks(cut))


def test_mono_is_the_mean_of_all_channels():
    samples = noise(0.1, channels=6)
    np.testing.assert_allclose(to_mono(samples), samples.mean(axis=1), atol=1e-7)
    before = samples.copy()
    to_mono(samples[:, :1])[:] = 0
    np.testing.assert_array_equal(samples, before)


def test_raw_samples_without_a_header_are_refused(tmp_path):
    path = tmp_path / "samples.raw"
    path.write_bytes(bytes(range(1, 200)) * 5)
    with pytest.raises(DecodeError, match=r"no known audio format|holds no audio"):
        read_info(path)
    with pytest.raises(DecodeError, match=r"no known audio format|holds no audio"):
        next(read_blocks(path))


def test_audio_of_an_unknown_codec_is_refused():
    # From the fuzzer: a RIFF file with a format tag that nobody knows.
    path = ROOT / "fuzz/seeds/audio/finding-no-rate-0"
    with pytest.raises(DecodeError, match="the file holds audio of an unknown codec"):
        read_info(path)


PLAYLISTS = {
    "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n%s\n#EXT-X-ENDLIST\n",
    "song.mp3": b"ffconcat version 1.0\nfile private.mp3\n",
    "song.flac": b"ffconcat version 1.0\nfile %s\n",
    "call.wav": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    b"m=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_does_not_have_another_file_decoded(tmp_path, name):
    private = tmp_path / "private.mp3"
    soundfile.write(private, noise(2.0), RATE_HZ, format="MP3")
    path = tmp_path / name
    text = PLAYLISTS[name]
    path.write_bytes(text % bytes(private) if b"%s" in text else text)
    with pytest.raises(DecodeError, match=r"no audio stream \(a picture, a playlist"):
        read_info(path)
    with pytest.raises(DecodeError, match=r"no audio stream \(a picture, a playlist"):
        next(read_blocks(path))


def test_without_the_list_of_formats_a_playlist_would_be_followed(tmp_path):
    # If this fails, FFmpeg has changed, and the test above shows nothing any more.
    soundfile.write(tmp_path / "private.mp3", noise(2.0), RATE_HZ, format="MP3")
    path = tmp_path / "song.mp3"
    path.write_bytes(PLAYLISTS["song.mp3"])
    with av.open(str(path)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > RATE_HZ


@pytest.mark.parametrize(
    "name",
    [
        "concat:private.mp3|private.mp3", "subfile,,start,0,end,9,,:private.mp3", "async:a.mp3",
        "http:", "-i", "; touch x", "$(touch x).mp3", "`touch x`", "two\nlines.mp3", "%d.mp3", "|x",
    ],
)  # fmt: skip
def test_a_name_is_a_name_and_neither_protocol_nor_option_nor_pattern(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)  # a relative name, with nothing before it
    path = Path(name)
    with av.open(str(tmp_path / "whole"), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=RATE_HZ, layout="mono")
        samples = noise(1.0)[:, 0][None]
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), "fltp", "mono")
        frame.sample_rate = RATE_HZ
        for part in (frame, None):
            output.mux(stream.encode(part))
    soundfile.write(tmp_path / "private.mp3", noise(2.0), RATE_HZ, format="MP3")
    Path("whole").rename(path)
    before = sorted(p.name for p in tmp_path.iterdir())
    assert read_info(path).codec == "aac"
    assert sum(map(len, read_blocks(path))) == pytest.approx(RATE_HZ, rel=0.1)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_file_called_minus_is_no_standard_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x.wav", noise(0.1)).rename("-")
    assert sum(map(len, read_blocks(Path("-")))) == read_info(Path("-")).declared_frames == 4_800
