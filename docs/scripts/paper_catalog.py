"""Write the catalog of docs/results.md's paper-scale run: clean recordings, then synthesised music.

From a folder of music with a `tracks.csv` it copies the recordings of the tier `lossless` that
stage 1 flags for nothing and, as named exceptions, those of the tier `lossy_190k_up` that it flags
for their lossy origin alone; synthesised tracks that it flags for nothing fill up the number.

    python docs/scripts/paper_catalog.py MUSIC FOLDER --n-references 250

With ``--n-test 11`` so many of the recordings that `tracks.csv` gives the role test stand beside
the references, as in paper 001; ``--more`` names further folders, whose recordings all train.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path

from musqa_pipeline.audio.files.reading import DecodeError, read_info
from musqa_pipeline.audio.measures.measure import measure_file
from musqa_pipeline.catalogs.demo_music.catalog import COLUMNS, write_demo_catalog
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.settings.per_catalog import TracksSettings
from musqa_pipeline.stages.tracks.verdict import flags_of

ALLOWED_FLAGS = {"lossless": set(), "lossy_190k_up": {"lossy_source"}, "synthesised": set()}
DURATION_S = 12.0
SPARE_SYNTHESISED = 1.15
"""Some synthesised pieces are dark, and flagged; this many times as many are made."""


def main() -> None:
    """Read the arguments and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("music", type=Path, help="folder with recordings and tracks.csv")
    parser.add_argument("folder", type=Path, help="where to write the catalog")
    parser.add_argument("--n-references", type=int, default=250)
    parser.add_argument("--n-test", type=int, default=0, help="recordings beside the references")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="further folders of music")
    arguments = parser.parse_args()

    rows = usable_rows(arguments.music, arguments.folder / "real")
    for number, folder in enumerate(arguments.more):
        more = usable_rows(folder, arguments.folder / f"more{number}")
        rows += [{**row, "role": "train"} for row in more]
    test: list[dict[str, str]] = []
    if arguments.n_test:
        test = [row for row in rows if row["role"] == "test"][: arguments.n_test]
        if len(test) < arguments.n_test:
            raise SystemExit(f"only {len(test)} usable recordings have the role test")
        for row in [row for row in rows if row["role"] == "test" and row not in test]:
            (arguments.folder / row["file"]).unlink()
        rows = [row for row in rows if row["role"] != "test"]
    n_missing = arguments.n_references - len(rows)
    synthesised = arguments.folder / "synthesised"
    write_demo_catalog(
        synthesised, n_tracks=int(n_missing * SPARE_SYNTHESISED), duration_s=DURATION_S, log=print
    )
    extra = usable_rows(synthesised, synthesised)
    if len(extra) < n_missing:
        raise SystemExit(f"only {len(extra)} of {n_missing} synthesised tracks are clean")
    kept = {row["file"] for row in extra[:n_missing]}
    for path in synthesised.glob("*.flac"):
        if f"synthesised/{path.name}" not in kept:
            path.unlink()
    (synthesised / "tracks.csv").unlink()
    made = extra[:n_missing]
    if arguments.n_test:  # theirs alone is the test; the demo gives some pieces that role
        made = [{**row, "role": "train"} for row in made]
    rows += [*made, *test]
    with (arguments.folder / "tracks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    print(
        f"{len(rows)} tracks, {len(rows) - n_missing} of them recordings, {len(test)} of these the "
        f"test: {arguments.folder}"
    )


def usable_rows(source: Path, folder: Path) -> list[dict[str, str]]:
    """Copy the usable tracks of a folder, and return their rows of `tracks.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (source / "tracks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = []
    for row in rows:
        path = (source / row["file"]).resolve()
        if row["tier"] in ALLOWED_FLAGS and is_usable(path, row["tier"]):
            copy = folder / path.name
            if not copy.exists():
                shutil.copyfile(path, copy)
            kept.append({**row, "file": f"{folder.name}/{path.name}"})
    return kept


def is_usable(path: Path, tier: str) -> bool:
    """Whether a file is long enough and flagged for no more than its tier allows."""
    settings = TracksSettings()
    try:
        info = read_info(path)
        measured = measure_file(path, info)
    except (DecodeError, UnfitInputError):
        return False
    flags = flags_of(
        is_lossy=info.is_lossy,
        tier=tier,
        upper_edge_hz=measured.upper_edge_hz,
        sample_rate_hz=info.sample_rate_hz,
        phase_correlation=measured.phase_correlation,
        settings=settings,
    )
    long_enough = measured.frames >= settings.min_duration_s * info.sample_rate_hz
    return long_enough and set(flags) <= ALLOWED_FLAGS[tier]


if __name__ == "__main__":
    main()
