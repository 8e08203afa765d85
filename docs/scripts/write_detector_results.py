"""Measure the detectors and write the tables and the picture of docs/detectors.md.

    python docs/scripts/write_detector_results.py --music ../shared/music --pieces FOLDER

Recordings are divided in two halves by a hash of their name. The thresholds were fixed by looking
at the first half; the tables are of the second. FOLDER gets 24 synthesised pieces of 20 s, unless
they are there. `--half fit` prints the first half and writes nothing; `--picture` draws the
picture again from the page's tables.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import origin_results
import soundfile
from matplotlib.ticker import NullFormatter, NullLocator
from page_sections import DOCS, write_sections

from musqa_pipeline.audio.degradations.codecs import (
    ADTS,
    MP2,
    MP3,
    OGG,
    OPUS,
    CodecParams,
    encode_all,
)
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.files.flac import to_int16
from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog
from musqa_pipeline.core.seeds import derive_generator, unit_interval_hash
from musqa_pipeline.scoring.detectors.detect import DETECTORS, Detectors
from tests.scoring.detectors.faults import FAULTS
from tests.scoring.detectors.music import castanets

PICTURE = DOCS / "pictures" / "detectors.png"
SECONDS = 10
CODECS = {"MP3": MP3, "AAC": ADTS, "Vorbis": OGG, "Opus": OPUS, "MP2": MP2}
BITRATES_KBPS = (32, 48, 64, 96, 128)
CODED_KINDS = ("band_edge", "holes", "pre_echo")
N_CASTANETS = 8


@dataclass(frozen=True)
class Track:
    """A recording or a piece."""

    name: str
    path: Path
    lossless: bool

    def read(self) -> tuple[np.ndarray, int]:
        """Decode it whole."""
        return soundfile.read(self.path, dtype="float32", always_2d=True)


def tracks(music: Path, pieces: Path, half: str) -> Iterator[Track]:
    """List one half; all windows of a recording are in the same."""
    found = []
    with (music / "tracks.csv").open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            found.append((row["recording"], music / row["file"], row["tier"] == "lossless"))
    for path in write_demo_catalog(pieces, n_tracks=24, duration_s=20.0, seed=5):
        found.append((path.stem, path, True))
    for recording, path, lossless in found:
        if (unit_interval_hash("detectors", recording) < 0.5) == (half == "fit"):
            yield Track(path.stem, path, lossless)


def kinds(samples: np.ndarray, rate_hz: int, *of: str) -> list[str]:
    """Detect, and return the kinds of the events."""
    stream = Detectors(rate_hz, [DETECTORS[kind] for kind in of or DETECTORS])
    stream.push(samples)
    return [event.kind for event in stream.finish()]


def false_alarms(chosen: list[Track]) -> tuple[str, dict[str, set[str]]]:
    """Table of alarms on untouched music, and what each track has by itself."""
    own, hours = {}, {True: 0.0, False: 0.0}
    alarms = {kind: {True: [], False: []} for kind in DETECTORS}
    for track in chosen:
        samples, rate_hz = track.read()
        found = kinds(samples, rate_hz)
        own[track.name] = set(found)
        hours[track.lossless] += len(samples) / rate_hz / 3600
        for kind in found:
            alarms[kind][track.lossless].append(track.name)
    lines = [
        f"| event | lossless and synthesised ({60 * hours[True]:.1f} min): events, tracks, "
        f"per hour | of lossy or cut origin ({60 * hours[False]:.1f} min): events, tracks |",
        "| --- | --- | --- |",
    ]
    for kind, found in alarms.items():
        clean, other = found[True], found[False]
        names = f" ({', '.join(sorted(set(clean)))})" if clean else ""
        lines.append(
            f"| `{kind}` | {len(clean)}, {len(set(clean))}{names}, {len(clean) / hours[True]:.0f} "
            f"| {len(other)}, {len(set(other))} |"
        )
    return "\n".join(lines), own


def planted_hits(chosen: list[Track], own: dict[str, set[str]]) -> dict[str, dict[float, tuple]]:
    """Count hits of every fault by strength, on lossless tracks without it."""
    hits: dict[str, dict[float, list[int]]] = {
        fault.name: {strength: [0, 0] for strength in fault.strengths} for fault in FAULTS
    }
    for track in chosen:
        samples, rate_hz = track.read()
        samples = samples[: SECONDS * rate_hz]
        for fault in FAULTS:
            if fault.kind in own[track.name]:
                continue
            for strength in fault.strengths:
                rng = derive_generator("faults", track.name, fault.name, str(strength))
                planted = fault.plant(samples, rate_hz, strength, rng)
                if planted is not None:
                    count = hits[fault.name][strength]
                    count[0] += fault.kind in kinds(planted, rate_hz, fault.kind)
                    count[1] += 1
    return {name: {s: tuple(c) for s, c in by.items()} for name, by in hits.items()}


def coded_hits(chosen: list[Track], own: dict[str, set[str]]) -> dict[tuple, dict[int, tuple]]:
    """Count hits of real codecs by bitrate (mono), on music, and pre-echo on castanets."""
    sounds = []
    for track in chosen:
        samples, rate_hz = track.read()
        if rate_hz == 48_000:
            mono = samples.mean(axis=1)[: SECONDS * rate_hz]
            wanted = [k for k in ("band_edge", "holes") if k not in own[track.name]]
            sounds.append((mono, wanted))
    # Seeds below 100 were looked at when the thresholds were fixed.
    sounds += [(castanets(100 + i), ["pre_echo"]) for i in range(N_CASTANETS)]
    hits = {
        (kind, codec): {kbps: [0, 0] for kbps in BITRATES_KBPS}
        for kind in CODED_KINDS
        for codec in CODECS
    }
    for mono, wanted in sounds:
        pcm = to_int16(mono)
        jobs = [(name, kbps) for name in CODECS for kbps in BITRATES_KBPS]
        applied = encode_all([(pcm, CODECS[name], CodecParams(kbps)) for name, kbps in jobs])
        decoded = decode([(a.container, a.bitstream) for a in applied])
        for (name, kbps), one, samples in zip(jobs, applied, decoded, strict=True):
            found = kinds(samples[one.delay_samples :][: len(mono)], 48_000, *CODED_KINDS)
            for kind in wanted:
                hits[kind, name][kbps][0] += kind in found
                hits[kind, name][kbps][1] += 1
    return {key: {k: tuple(c) for k, c in by.items()} for key, by in hits.items()}


def planted_table(hits: dict[str, dict[float, tuple]]) -> str:
    """Table of planted faults, from weak to strong."""
    lines = ["| event | fault | hits of tracks, by strength |", "| --- | --- | --- |"]
    for fault in FAULTS:
        cells = [f"{s:g} {fault.unit}: {a}/{n}" for s, (a, n) in hits[fault.name].items()]
        lines.append(f"| `{fault.kind}` | {fault.name} | {', '.join(cells)} |")
    return "\n".join(lines)


def coded_table(hits: dict[tuple, dict[int, tuple]]) -> str:
    """Table of codecs."""
    head = " | ".join(f"{kbps} kbit/s" for kbps in BITRATES_KBPS)
    lines = [f"| event | codec | {head} |", "| --- | --- |" + " --- |" * len(BITRATES_KBPS)]
    for (kind, codec), by_rate in hits.items():
        cells = " | ".join(f"{a}/{n}" for a, n in by_rate.values())
        lines.append(f"| `{kind}` | {codec} | {cells} |")
    return "\n".join(lines)


def picture(planted: dict[str, dict[float, tuple]], coded: dict[tuple, dict[int, tuple]]) -> None:
    """Draw the rate of detection over strength, a panel for each kind of event."""
    figure, axes = plt.subplots(3, 3, figsize=(11, 8.5), sharey=True, layout="constrained")
    for axis, kind in zip(axes.flat, DETECTORS, strict=True):
        if kind in ("holes", "pre_echo"):
            where = "music" if kind == "holes" else "castanets"
            for i, codec in enumerate(CODECS):
                rates = [a / max(n, 1) for a, n in coded[kind, codec].values()]
                axis.plot(range(len(rates)), rates, **_style(i), label=codec)
            _ticks(axis, [str(k) for k in BITRATES_KBPS])
            axis.set(title=kind, xlabel=f"{where} coded in mono at … kbit/s")
        else:
            faults = [f for f in FAULTS if f.kind == kind]
            for i, fault in enumerate(faults):
                rates = [a / max(n, 1) for a, n in planted[fault.name].values()]
                label = fault.name
                if [f.strengths for f in faults].count(fault.strengths) < len(faults):
                    label += f" ({', '.join(f'{s:g}' for s in fault.strengths)})"
                axis.plot(range(len(rates)), rates, **_style(i), label=label)
            first = faults[0]
            same = all(fault.strengths == first.strengths for fault in faults)
            _ticks(axis, [f"{s:g}" if same else "" for s in first.strengths])
            axis.set(title=kind, xlabel=f"{first.unit}, from weak to strong")
        axis.set_ylim(-0.04, 1.04)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, framealpha=0.6)
    for axis in axes[:, 0]:
        axis.set_ylabel("found in this part of the tracks")
    figure.savefig(PICTURE, dpi=100, metadata={"Software": None})


def _style(i: int) -> dict[str, object]:
    """Lines that lie on each other are all seen."""
    return {"marker": "osD^v"[i], "linestyle": ("-", "--", ":", "-.", "--")[i], "ms": 8 - i}


def _ticks(axis: plt.Axes, labels: list[str]) -> None:
    axis.set_xticks(range(len(labels)), labels)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_minor_formatter(NullFormatter())


def tables_of(text: str) -> tuple[dict[str, dict], dict[tuple, dict]]:
    """Read the counts back from the page."""
    planted: dict[str, dict] = {}
    coded: dict[tuple, dict] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].startswith("`") and len(cells) == 3 and cells[1] in {f.name for f in FAULTS}:
            fault = next(f for f in FAULTS if f.name == cells[1])
            counts = [tuple(map(int, c.split(": ")[1].split("/"))) for c in cells[2].split(", ")]
            planted[fault.name] = dict(zip(fault.strengths, counts, strict=True))
        elif cells[0].startswith("`") and len(cells) == 2 + len(BITRATES_KBPS):
            counts = [tuple(map(int, cell.split("/"))) for cell in cells[2:]]
            coded[cells[0].strip("`"), cells[1]] = dict(zip(BITRATES_KBPS, counts, strict=True))
    return planted, coded


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, default=Path("../shared/music"))
    parser.add_argument("--pieces", type=Path, default=Path("../detector_pieces"))
    parser.add_argument("--picture", action="store_true")
    parser.add_argument("--origin", type=Path, metavar="KEPT", help="lossy origin alone; answers "
                        "are kept in this file of JSON lines")  # fmt: skip
    parser.add_argument("--more", type=Path, default=Path("../shared/music_more"))
    parser.add_argument("--most-faked", type=int, default=1_000, help="recordings, with --origin")
    parser.add_argument("--half", choices=("test", "fit"), default="test")
    arguments = parser.parse_args()
    page = DOCS / "detectors.md"
    if arguments.picture:
        picture(*tables_of(page.read_text("utf-8")))
        return
    if arguments.origin:
        tables = origin_results.tables(
            [arguments.music, arguments.more], arguments.half, arguments.origin,
            arguments.most_faked,
        )  # fmt: skip
        print("\n\n".join(tables.values()))
        if arguments.half == "test":
            write_sections(page, tables)
        return
    chosen = list(tracks(arguments.music, arguments.pieces, arguments.half))
    alarms, own = false_alarms(chosen)
    print(alarms, flush=True)
    lossless = [track for track in chosen if track.lossless]
    planted = planted_hits(lossless, own)
    print(planted_table(planted), flush=True)
    coded = coded_hits(lossless, own)
    print(coded_table(coded), flush=True)
    if arguments.half == "fit":
        return
    made = {"alarms": alarms, "planted": planted_table(planted), "coded": coded_table(coded)}
    write_sections(page, made)
    picture(planted, coded)


if __name__ == "__main__":
    main()
