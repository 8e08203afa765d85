"""An original and the fakes made of it by every codec: one group, and the original is the best."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.scoring.origin.meter import OriginMeter
from musqa_pipeline.scoring.scan.copies import best_copy
from musqa_pipeline.scoring.scan.fingerprints import Heard, find_copies, fingerprint_words
from musqa_pipeline.scoring.scan.measure import LIKELINESS
from tests.scoring.scan.library import RATE_HZ, song

CODECS = {
    "mp3": ("libmp3lame", "mp3"),
    "aac": ("aac", "m4a"),
    "vorbis": ("libvorbis", "ogg"),
    "opus": ("libopus", "opus"),
}
NAMES = {"mp3": "MP3", "aac": "AAC", "vorbis": "Vorbis", "opus": "Opus"}
SECONDS = 12


def fakes(folder, codecs, rates_kbps):
    """Code a song by ffmpeg and decode it; return the paths by codec and rate."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    soundfile.write(folder / "original.flac", song(6, SECONDS), RATE_HZ)
    made = {}
    for codec in codecs:
        encoder, ending = CODECS[codec]
        for kbps in rates_kbps:
            coded = folder / f"{codec} {kbps}.{ending}"
            made[codec, kbps] = coded.with_suffix(".flac")
            how = ["-c:a", encoder, "-b:a", f"{kbps}k", coded]
            subprocess.run([*ffmpeg, "-i", folder / "original.flac", *how], check=True)
            subprocess.run(
                [*ffmpeg, "-i", coded, "-sample_fmt", "s16", made[codec, kbps]], check=True
            )
    return made


def record_of(path, mos):
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    meter = OriginMeter(rate_hz)
    meter.push(samples)
    origin = meter.origin()
    record = {
        "file": path.name.encode(), "mos": mos, "is_lossy": False, "bandwidth_hz": 20_000.0,
        "lossy_origin": LIKELINESS.get(origin.verdict, ""), "sample_rate_hz": rate_hz,
        "size_bytes": path.stat().st_size, "origin": origin,
    }  # fmt: skip
    words = fingerprint_words(to_mono(samples[: 10 * rate_hz]), rate_hz)
    return record, Heard(0, len(samples) / rate_hz, (words,))


def check(folder, codecs, rates_kbps):
    made = fakes(folder, codecs, rates_kbps)
    paths = [folder / "original.flac", *made.values()]
    # The model likes every fake better than the original.
    found = [record_of(path, 4.2 if i == 0 else 4.6) for i, path in enumerate(paths)]
    records = [record for record, _ in found]
    assert records[0]["origin"].verdict == "genuine"
    for (codec, kbps), record in zip(made, records[1:], strict=True):
        assert record["origin"].verdict == "likely lossy", (codec, kbps)
        assert record["origin"].codec.startswith(NAMES[codec]), (codec, kbps)
    place, why = best_copy(records)
    assert (place, why) == (0, "of the surer origin")
    heard = [Heard(i, h.duration_s, h.words) for i, (_, h) in enumerate(found)]
    heard.sort(key=lambda h: h.duration_s)
    pairs = [(copy.first, copy.second) for copy in find_copies(heard)]
    edges = coo_array((np.ones(len(pairs)), np.transpose(pairs)), shape=2 * (len(paths),))
    assert connected_components(edges, directed=False)[0] == 1


@pytest.mark.parametrize("codec", CODECS)
def test_fakes_are_told_and_grouped_with_their_original(codec, tmp_path):
    check(tmp_path, [codec], (64, 256))


@pytest.mark.long
def test_fakes_of_all_codecs_and_rates_are_one_group(tmp_path):
    check(tmp_path, CODECS, (64, 96, 128, 192, 256, 320))
