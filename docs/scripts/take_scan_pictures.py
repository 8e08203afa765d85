"""Take the pictures of a scan: ``.venv/bin/python docs/scripts/take_scan_pictures.py``.

A small library is made: an album of synthesised music, coded copies of it, transfers that lack
treble, two files that are none. It is scanned, and headless Chromium photographs the page, wide and
narrow. The model is the one that `musqa score` uses.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile
from small_pictures import make_small

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from musqa_pipeline.catalogs.demo_music.catalog import TrackPlan  # noqa: E402
from tests.audio.coded import ffmpeg  # noqa: E402
from tests.scoring.serve.browser import Browser  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
RATE_HZ = 44_100
DURATION_S = 75
SHOTS = (("scan.png", 1400, 1100), ("scan_phone.png", 400, 1500))
N_TRACKS = 12
COPIES = {
    "downloads/{1} 64k.mp3": ["-b:a", "64k"],
    "downloads/{2} (radio).mp3": ["-b:a", "32k"],
    "downloads/{3}.mp3": ["-b:a", "96k"],
    "downloads/{4}.mp3": ["-b:a", "48k"],
    "downloads/{5}.ogg": ["-c:a", "libvorbis", "-q:a", "1"],
    "from tape/{6}.wav": ["-af", "lowpass=f=4000:p=2,lowpass=f=4000:p=2"],
    "from tape/{7}, tape 2.flac": ["-af", "lowpass=f=7000:p=2,volume=-4dB"],
    "from tape/jingle of {8}.flac": ["-t", "14"],
}
"""Files by their path, with the number of the track in the album, and what ffmpeg is told."""
FAKE = "downloads/{9} (remastered).flac"


def main() -> None:
    """Make the library, scan it and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        library, out = Path(name) / "Synthesised music", Path(name) / "out"
        write_library(library)
        command = [sys.executable, "-m", "musqa_pipeline.cli", "scan", str(library), "--out", out]
        if subprocess.run(command, check=False).returncode not in (0, 1):  # two are no audio
            sys.exit("error: the scan failed; what it says is above")
        photograph(out / "scan.html")


def write_library(folder: Path) -> None:
    """Write the album and what was made of it."""
    for name in ("album", "downloads", "from tape"):
        (folder / name).mkdir(parents=True)
    album = {}
    for index in range(N_TRACKS):
        plan = TrackPlan(index=index, seed=2, duration_s=DURATION_S)
        samples = plan.samples()
        samples = samples if samples.shape[0] > samples.shape[1] else samples.T
        path = folder / "album" / f"{index + 1:02d} {plan.style.name}.flac"
        soundfile.write(path, samples, 48_000)
        cd = path.with_suffix(".44.flac")
        ffmpeg("-i", path, "-ar", str(RATE_HZ), "-sample_fmt", "s16", cd)
        cd.replace(path)
        album[index] = path
    titles = [path.stem.split(" ", 1)[1] for path in album.values()]
    for made, options in COPIES.items():
        number = int(made.split("{")[1].split("}")[0])
        ffmpeg("-i", album[number], *options, folder / made.format(*titles))
    mp3 = folder / "fake.mp3"
    ffmpeg("-i", album[9], "-b:a", "128k", mp3)
    ffmpeg("-i", mp3, "-sample_fmt", "s16", folder / FAKE.format(*titles))
    mp3.unlink()
    (folder / "downloads" / "cover.mp3").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4_000))
    whole = album[10].read_bytes()
    (folder / "downloads" / "half a file.flac").write_bytes(whole[: len(whole) // 2])


def photograph(page_file: Path) -> None:
    """Save the top of the page at each size."""
    with Browser() as page:
        page.open(page_file.as_uri())
        for name, width, height in SHOTS:
            page.resize(width, height)
            page.value("new Promise((done) => setTimeout(done, 1000))")
            page.picture(PICTURES / name, full=False)
            make_small(PICTURES / name, (0, 0, width, height))


if __name__ == "__main__":
    main()
