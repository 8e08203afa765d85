"""A length that is known, one that is left open, and one that the file does not keep."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.files.chunks import audio_chunk
from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.audio.files.ogg_pages import ogg_pages
from musqa_pipeline.audio.files.reading import DecodeError, read_blocks, read_info, require_whole
from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.scoring.scan.reading import read_recording
from tests.audio.coded import ffmpeg
from tests.audio.sounds import RATE_HZ, noise, quarantine_of, run_tracks, tracks_of

SAMPLES = noise(12.0, channels=2)
BY_SOUNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "wav of 24 bit": ("WAV", "PCM_24"),
    "wav, extensible": ("WAVEX", "PCM_16"),
    "wav, adpcm": ("WAV", "IMA_ADPCM"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "aiff, float": ("AIFF", "FLOAT"),
    "caf": ("CAF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
BY_FFMPEG = {
    "mp4": ["-c:a", "aac", "-movflags", "+faststart", "-f", "ipod"],
    "alac": ["-c:a", "alac", "-movflags", "+faststart", "-f", "ipod"],
    "matroska": ["-c:a", "flac", "-f", "matroska"],
    "webm": ["-c:a", "libopus", "-f", "webm"],
    "ogg flac": ["-c:a", "flac", "-f", "ogg"],
    "wavpack": ["-c:a", "wavpack", "-f", "wv"],
    "tta": ["-c:a", "tta", "-f", "tta"],
}
OPEN_ENDED = {
    "wav": ["-f", "wav"],
    "flac": ["-f", "flac"],
    "aiff": ["-f", "aiff"],
    "au": ["-f", "au"],
    "w64": ["-f", "w64"],
    "mp3": ["-c:a", "libmp3lame", "-f", "mp3"],
    "matroska": ["-c:a", "flac", "-f", "matroska"],
    "adts": ["-c:a", "aac", "-f", "adts"],
}
"""What FFmpeg writes to a pipe, where it cannot go back to correct a header."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of 12 s, by name, written when first asked for."""
    folder = tmp_path_factory.mktemp("lengths")

    def file(name: str) -> Path:
        path = folder / name.replace(" ", "_").replace(",", "")
        if not path.exists():
            if name in BY_SOUNDFILE:
                written = io.BytesIO()
                form, subtype = BY_SOUNDFILE[name]
                soundfile.write(written, SAMPLES, RATE_HZ, subtype=subtype, format=form)
                path.write_bytes(written.getvalue())
            else:
                ffmpeg(*RAW, *BY_FFMPEG[name], path, stdin=SAMPLES.tobytes())
        return path

    return file


RAW = ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", "2", "-i", "-"]


def decoded_s(path):
    n_frames = sum(map(len, read_blocks(path)))
    require_whole(n_frames, read_info(path))
    return n_frames / RATE_HZ


@pytest.mark.parametrize("name", [*BY_SOUNDFILE, *BY_FFMPEG])
def test_a_whole_file_keeps_its_promise(files, name):
    promised_s = read_info(files(name)).declared_frames / RATE_HZ
    assert promised_s == pytest.approx(12.0, abs=0.06) or name == "ogg flac"
    assert decoded_s(files(name)) == pytest.approx(12.0, abs=0.06)


@pytest.mark.parametrize("kept", [0.1, 0.43, 0.95])
@pytest.mark.parametrize("name", [*BY_SOUNDFILE, *BY_FFMPEG])
def test_a_file_that_was_cut_off_is_told(files, tmp_path, name, kept):
    data = files(name).read_bytes()
    path = tmp_path / files(name).name
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(
        DecodeError, match=r"ends after|decoding stops after|middle of a page|bytes of audio prom"
    ):
        decoded_s(path)
    with pytest.raises(UnfitInputError) as scored, open_audio(path) as audio:
        list(audio.blocks)
    assert scored.value.reason == "damaged"
    with pytest.raises(UnfitInputError) as labelled:
        read_signal(path)
    assert labelled.value.reason in ("cannot_decode", "damaged")


@pytest.mark.parametrize("name", ["wav", "aiff", "caf", "rf64", "ogg", "opus", "matroska"])
def test_a_scan_tells_a_file_that_was_cut_off(files, tmp_path, name):
    data = files(name).read_bytes()
    path = tmp_path / files(name).name
    path.write_bytes(data[: len(data) * 43 // 100])
    with pytest.raises(UnfitInputError) as told:
        read_recording(path, 1)
    assert told.value.reason == "damaged"


def test_stage_1_puts_files_that_were_cut_off_into_quarantine(files, tmp_path):
    for name in ("wav", "aiff", "ogg", "opus"):
        data = files(name).read_bytes()
        target = tmp_path / "music" / f"{name}.{name}"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data[: len(data) * 9 // 10])
    (tmp_path / "music" / "whole.wav").write_bytes(files("wav").read_bytes())
    context = run_tracks(tmp_path / "home", tmp_path / "music")
    assert list(tracks_of(context)) == ["whole.wav"]
    found = quarantine_of(context)
    assert {row["reason"] for row in found.values()} == {"cannot_decode"}
    assert "it ends after 10.8 s, its header promises 12.0 s" in found["wav.wav"]["detail"]
    assert "in the middle of a page of Ogg" in found["opus.opus"]["detail"]


@pytest.mark.parametrize("name", OPEN_ENDED)
def test_a_length_that_is_left_open_is_no_fault(tmp_path, name):
    path = tmp_path / f"piped.{name}"
    path.write_bytes(ffmpeg(*RAW, *OPEN_ENDED[name], "pipe:1", stdin=SAMPLES.tobytes()))
    assert read_info(path).declared_frames == 0
    assert decoded_s(path) == pytest.approx(12.0, abs=0.06)
    with open_audio(path) as audio:
        assert sum(map(len, audio.blocks)) / RATE_HZ == pytest.approx(12.0, abs=0.06)
    assert read_signal(path).duration_s == pytest.approx(12.0, abs=0.06)
    heard = read_recording(path, 1)
    assert heard.duration_s == pytest.approx(12.0, abs=0.06)


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000])
def test_sizes_that_pipes_leave_behind_are_open_ends(files, tmp_path, size):
    data = bytearray(files("wav").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = size.to_bytes(4, "little")
    data[4:8] = max(size, 8).to_bytes(4, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    assert read_info(path).declared_frames == 0
    np.testing.assert_allclose(
        np.concatenate(list(read_blocks(path))), SAMPLES, atol=2**-15, rtol=0
    )


def test_an_ogg_without_an_end_that_stops_between_pages_leaves_its_length_open(files, tmp_path):
    data = files("ogg").read_bytes()
    path = tmp_path / "a.ogg"
    path.write_bytes(data[: data.rindex(b"OggS")])
    pages = ogg_pages(path)
    assert (pages.is_broken_off, pages.has_end, len(pages.links)) == (False, False, 1)
    assert read_info(path).declared_frames == 0
    assert 11.0 < decoded_s(path) < 12.0


def test_chunks_before_and_behind_the_audio_do_not_count(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, SAMPLES, RATE_HZ, "PCM_16")
    data = path.read_bytes()
    odd = b"junk" + (7).to_bytes(4, "little") + bytes(8)
    path.write_bytes(data[:12] + odd * 3 + data[12:] + odd * 2)
    chunk = audio_chunk(path)
    assert chunk is not None
    assert chunk.promised_bytes == chunk.held_bytes == SAMPLES.size * 2
    assert decoded_s(path) == 12.0


def test_a_chunk_that_leads_back_does_not_hold_the_reader(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + bytes(4) + b"WAVE" + (b"junk" + bytes(4)) * 50_000)
    assert audio_chunk(path) is None


def test_the_last_tenth_of_a_second_may_be_missing(files, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(files("wav").read_bytes()[: -RATE_HZ // 20 * 4])
    assert decoded_s(path) == pytest.approx(11.95, abs=0.001)
