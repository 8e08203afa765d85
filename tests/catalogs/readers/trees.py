"""Tiny trees with the layouts of the datasets, filled with synthesised audio."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile

from musqa_pipeline.audio.degradations.intensity import INTENSITY_DEGRADATIONS
from musqa_pipeline.audio.excerpts.segments import SEGMENT_SAMPLES
from tests.audio.music import music

RATE_HZ = 22_050


def tone(path: Path, seconds: float = 0.02, hertz: float = 440.0) -> Path:
    """Write a tone, in the format of the path's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    soundfile.write(path, samples, RATE_HZ)
    return path


def gtzan(root: Path, folder: str = "genres") -> Path:
    for name in ("blues.00000", "blues.00012", "blues.00029", "jazz.00033", "jazz.00051"):
        tone(root / folder / name.partition(".")[0] / f"{name}.wav")
    tone(root / folder / "blues" / "mine.wav")
    return root


FMA_ROWS = (
    # number, split, subset, title, artist, genre, licence
    (2, "training", "small", "Food", "AWOL", "Hip-Hop", "Attribution"),
    (3, "validation", "medium", "Electric\nAve", "AWOL", "", "Attribution-NonCommercial"),
    (5, "test", "small", "This, World", "Béla", "Rock", "CC0"),
    (123456, "training", "large", "Freeway", "Kurt", "Pop", "Attribution"),
)


def fma(root: Path, size: str = "medium") -> Path:
    folder = root / "fma_metadata"
    folder.mkdir(parents=True)
    with (folder / "tracks.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", "album", "artist", "set", "set", "track", "track", "track"])
        writer.writerow(["", "title", "name", "split", "subset", "genre_top", "license", "title"])
        writer.writerow(["track_id", *[""] * 7])
        for number, split, subset, title, artist, genre, licence in FMA_ROWS:
            writer.writerow([number, "LP", artist, split, subset, genre, licence, title])
    lines = []
    for number in (2, 3):
        path = tone(root / f"fma_{size}" / "000" / f"{number:06d}.mp3")
        digest = hashlib.sha1(path.read_bytes()).hexdigest()
        lines.append(f"{digest}  000/{number:06d}.mp3\n")
    (root / f"fma_{size}" / "checksums").write_text("".join(lines))
    (root / f"fma_{size}" / "README.txt").touch()
    return root


def musdb18_hq(root: Path) -> Path:
    for part, song in (("train", "Ann - One"), ("train", "Ann - Two"), ("test", "Bo - A - B")):
        for name in ("mixture", "bass", "drums", "other", "vocals"):
            tone(root / part / song / f"{name}.wav")
    return root


def musdb18(root: Path) -> Path:
    for part, song in (("train", "Ann - One"), ("test", "Bo - Two")):
        (root / part).mkdir(parents=True)
        stems(root / part / f"{song}.stem.mp4")
    return root


def stems(path: Path) -> None:
    """Write five streams of AAC, each with a tone of its own: 500 Hz, 1,000 Hz, …"""
    with av.open(str(path), "w", format="mp4") as output:
        streams = [output.add_stream("aac", rate=44_100, layout="stereo") for _ in range(5)]
        time_s = np.arange(44_100) / 44_100
        for i, stream in enumerate(streams):
            wave = (0.3 * np.sin(2 * np.pi * 500 * (i + 1) * time_s)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
            frame.sample_rate = 44_100
            for part in (frame, None):
                output.mux(stream.encode(part))


YAML = "artist: A Classic Education\ntitle: Night Owl\ngenre: Singer/Songwriter\nstems: {S01: {}}\n"


def medleydb(root: Path) -> Path:
    song = "AClassicEducation_NightOwl"
    tone(root / "V1" / song / f"{song}_MIX.wav")
    tone(root / "V1" / song / f"{song}_STEMS" / f"{song}_STEM_01.wav")
    tone(root / "V1" / song / f"{song}_RAW" / f"{song}_RAW_01_01.wav")
    (root / "V1" / song / f"{song}_METADATA.yaml").write_text(YAML)
    tone(root / "V2" / "Ann_Song" / "Ann_Song_MIX.wav")
    (root / "Metadata").mkdir()
    (root / "Metadata" / "Gone_Away_METADATA.yaml").write_text(YAML)
    tone(root / "V2" / "demo.wav")
    return root


MUSICNET_CSV = (
    "id,composer,composition,movement,ensemble,source,transcriber,catalog_name,seconds\n"
    "1727,Schubert,Piano Quintet in A major,2. Andante,Piano Quintet,European Archive,x,OP114,447\n"
    "1728,Schubert,Piano Quintet in A major,3. Scherzo,Piano Quintet,European Archive,x,OP114,251\n"
    "1759,Schubert,Piano Sonata in A major,1. Allegro,Solo Piano,Museopen,x,D959,600\n"
    "1760,Schubert,Piano Sonata in A major,2. Andante,Solo Piano,Museopen,x,D959,500\n"
)


def musicnet(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "musicnet_metadata.csv").write_text(MUSICNET_CSV)
    for part, number in (("train", 1727), ("train", 1728), ("test", 1759), ("train", 9999)):
        tone(root / "musicnet" / f"{part}_data" / f"{number}.wav")
    (root / "musicnet" / "train_labels").mkdir()
    (root / "musicnet" / "train_labels" / "1727.csv").touch()
    return root


PMQD_CSV = (
    "id,genre,artist,title,degradation_type,degradation_intensity,rating,sample_start,"
    "sample_filename\n"
    "0,Acoustic,Ann,One,original,0.0,4.0,90,aa.wav\n"
    "1,Acoustic,Ann,One,lowpass,63.92,3.0,90,bb.wav\n"
    '2,Classical,Bo,"Two, again",original,0.0,5.0,86,cc.wav\n'
)


def pmqd(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "pmqd.csv").write_text(PMQD_CSV)
    for name in ("aa", "bb"):
        tone(root / "audio" / f"{name}.wav")
    return root


def pmqd_segments(root: Path) -> Path:
    """PMQD as our degradations would have made it: two songs, two segments each, 24 bit."""
    (root / "audio").mkdir(parents=True, exist_ok=True)
    rows = []
    for song, (artist, title) in enumerate((("Ann", "One"), ("Béla", "Two, again"))):
        for start_s in (0, 5):
            x = music(seed=song + 1)[start_s * 48_000 :][:SEGMENT_SAMPLES]
            x = 3 * np.stack([x, np.roll(x, 300)], axis=1)
            name = f"{song}{start_s}.wav"
            soundfile.write(root / "audio" / name, x, 48_000, subtype="PCM_24")
            about = ["Jazz", artist, title]
            rows.append([len(rows), *about, "original", 0.0, 4.0, start_s, name])
            x = soundfile.read(root / "audio" / name, dtype="float32")[0]
            for k, degradation in enumerate(INTENSITY_DEGRADATIONS.values()):
                rng = np.random.default_rng(len(rows))
                intensity = round(90.0 - 20 * k + start_s + song, 2)
                y = degradation.apply(x, degradation.with_intensity(intensity, rng))
                kind = degradation.name.removeprefix("intensity_")
                name = f"{song}{start_s}{kind}.wav"
                soundfile.write(root / "audio" / name, y, 48_000, subtype="PCM_24")
                rows.append([len(rows), *about, kind, intensity, 2.0, start_s, name])
    with (root / "pmqd.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(PMQD_CSV.splitlines()[0].split(","))
        writer.writerows(rows)
    return root


def rewrite(folder: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Change rows of PMQD's table; gone where the change returns none."""
    path = folder / "pmqd.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [change(row) for row in csv.DictReader(stream)]
    kept = [row for row in rows if row]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, kept[0])
        writer.writeheader()
        writer.writerows(kept)


VINYLSET_ROWS = (
    # label, mean opinion, class, half width, deviation; the last has no file
    ("2a/0102WhyWasIBorn_sample_aache320_ln_C2.wav", 3.82353, "Q8", 0.251277703804109, 0.5285941),
    ("0a/0201Someday_aache320_ln_C0.wav", 3.89474, "Q10", 0.295799254796553, 0.6578363),
    ("0a/0203Greensleeves_aache320_ln_C0.wav", 3.53846, "Q4", 0.6513975266092, 1.1982894),
    ("3a/Liquid_aache320_ln_C3.wav", 4.1, "Q12", 0.5, 1.0),
)


def vinylset(root: Path) -> Path:
    tone(root / VINYLSET_ROWS[0][0])
    tone(root / "downloads" / "02.01. Someday.mp3")
    tone(root / "0203Greensleeves_aache320_ln.wav")
    tone(root / "mine.wav")
    lines = ["filename,label,c,mosgroup,CI,std,dcec_prediction"]
    lines += [f"{name},{mos},0,{of},{half},{sd},1" for name, mos, of, half, sd in VINYLSET_ROWS]
    (root / "vinylset_MOS.txt").write_text("\n".join(lines) + "\n")
    addresses = [
        "https://archive.org/download/cd_some-record/02.01.%20Someday.mp3",
        "https://archive.org/download/cd_green_1/02.03.%20Greensleeves.mp3",
        "https://archive.org/download/cd_green_2/02.03.%20Greensleeves.mp3",
    ]
    (root / "url_list.txt").write_text("\n".join(addresses) + "\n")
    return root


TREES = {
    "gtzan": gtzan,
    "fma": fma,
    "musdb18": musdb18_hq,
    "medleydb": medleydb,
    "musicnet": musicnet,
    "pmqd": pmqd,
    "vinylset": vinylset,
}
