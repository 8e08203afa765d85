"""Make the six catalogs of version 2 of the released model, and add them to ``MUSQA_HOME``.

``python docs/scripts/release_catalogs.py MUSIC MORE FOLDER [--bright N] [--dark N]
[--synthesised N] [--copies N]``

MUSIC becomes ``openmusic``; MORE ``openmore``. Music by sampled instruments (FluidSynth),
synthesised pieces of the demo catalog and darker copies of MUSIC are written below FOLDER. All that
is no MUSIC has the role train, copies are a test by their tier. What is there already is kept.

Music that is made here is at 48 kHz, and most of it reaches 24 kHz, which music of records does
not. A third of it is stored at 44.1 kHz, as records are: else the rate of a file moves its score.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import soundfile
import soxr

from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog
from musqa_pipeline.catalogs.equalised import write_equalised_catalog
from musqa_pipeline.catalogs.folder import TRACKS_CSV
from musqa_pipeline.catalogs.known import add_catalog, catalog_found
from musqa_pipeline.catalogs.sampled_music.catalog import write_sampled_catalog
from musqa_pipeline.cli.automation import add_partition
from musqa_pipeline.core.csv_files import csv_of, read_rows
from musqa_pipeline.core.files import whole_file, write_whole
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.seeds import unit_interval_hash

MADE = ("sampled_bright", "sampled_dark", "synthesised")
SHARE_AT_44_1_KHZ = 1 / 3
CD_RATE_HZ = 44_100


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("music", "more", "folder"):
        parser.add_argument(name, type=Path)
    for name, n in (("--bright", 330), ("--dark", 80), ("--synthesised", 200), ("--copies", 40)):
        parser.add_argument(name, type=int, default=n)
    asked = parser.parse_args()
    copies, pieces = asked.folder / "equalised", asked.folder / "pieces"
    write_equalised_catalog(asked.music, copies, n_copies=asked.copies)
    for name, n, share in (
        ("sampled_bright", asked.bright, 0.0),
        ("sampled_dark", asked.dark, 1.0),
    ):
        write_sampled_catalog(pieces / name, n_tracks=n, dark_share=share, log=print)
    write_demo_catalog(pieces / "synthesised", n_tracks=asked.synthesised, log=print)
    link_to_train(asked.more, asked.folder / "openmore")
    for name in MADE:
        link_to_train(pieces / name, asked.folder / name, share_at_44_1_khz=SHARE_AT_44_1_KHZ)
    for name in ("openmusic", "openmore", *MADE, "equalised"):
        folder = asked.music if name == "openmusic" else asked.folder / name
        links = name in ("openmore", *MADE)
        catalog = add_catalog(home_folder(), folder, name, follow_links=links)
        add_partition(catalog.name)
        print(f"catalog {name}: {len(catalog_found(catalog).listing.entries)} files in {folder}")


def link_to_train(source: Path, folder: Path, *, share_at_44_1_khz: float = 0.0) -> None:
    """Link the files that a `tracks.csv` names into a folder whose own gives all the role train.

    A share of them, by the hash of their names, is written at 44.1 kHz instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    header, rows = read_rows(source / TRACKS_CSV)
    columns = [*header, *({"role"} - {*header})]
    for row in rows:
        link = folder / row["file"]
        link.parent.mkdir(parents=True, exist_ok=True)
        origin = (source / row["file"]).resolve()
        if unit_interval_hash("at 44.1 kHz", row["file"]) < share_at_44_1_khz:
            is_copy = link.is_file() and not link.is_symlink()
            if not (is_copy and link.stat().st_mtime_ns >= origin.stat().st_mtime_ns):
                write_at_44_1_khz(origin, link)
        elif not link.is_symlink():
            link.unlink(missing_ok=True)  # of another share
            link.symlink_to(origin)
    cells = ([(row | {"role": "train"})[name] for name in columns] for row in rows)
    write_whole(folder / TRACKS_CSV, csv_of([columns, *cells]).encode())


def write_at_44_1_khz(source: Path, path: Path) -> None:
    """Write the music of a file as FLAC of 24 bits at 44.1 kHz."""
    samples, rate_hz = soundfile.read(source, always_2d=True)
    samples = soxr.resample(samples, rate_hz, CD_RATE_HZ, quality="VHQ")
    with whole_file(path) as temporary:
        soundfile.write(temporary, samples, CD_RATE_HZ, format="FLAC", subtype="PCM_24")


if __name__ == "__main__":
    main()
