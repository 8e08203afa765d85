"""Make the five catalogs of version 2 of the released model, and add them to ``MUSQA_HOME``.

``python docs/scripts/release_catalogs.py MUSIC MORE FOLDER [--bright N] [--dark N] [--copies N]``

MUSIC becomes ``openmusic``; MORE ``openmore``, all of it to train, by a folder of links; music by
sampled instruments (FluidSynth) and darker copies of MUSIC are written below FOLDER. What is there
already is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from musqa_pipeline.catalogs.equalised import write_equalised_catalog
from musqa_pipeline.catalogs.folder import TRACKS_CSV
from musqa_pipeline.catalogs.known import add_catalog, catalog_found
from musqa_pipeline.catalogs.sampled_music.catalog import write_sampled_catalog
from musqa_pipeline.cli.automation import add_partition
from musqa_pipeline.core.csv_files import csv_of, read_rows
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.core.home import home_folder


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("music", "more", "folder"):
        parser.add_argument(name, type=Path)
    for name, n in (("--bright", 330), ("--dark", 80), ("--copies", 40)):
        parser.add_argument(name, type=int, default=n)
    asked = parser.parse_args()
    bright, dark = asked.folder / "sampled_bright", asked.folder / "sampled_dark"
    more, copies = asked.folder / "openmore", asked.folder / "equalised"
    for folder, n, share in ((bright, asked.bright, 0.0), (dark, asked.dark, 1.0)):
        write_sampled_catalog(folder, n_tracks=n, dark_share=share, log=print)
    write_equalised_catalog(asked.music, copies, n_copies=asked.copies)
    link_to_train(asked.more, more)
    for name, folder in (
        ("openmusic", asked.music),
        *((f.name, f) for f in (more, bright, dark, copies)),
    ):
        catalog = add_catalog(home_folder(), folder, name, follow_links=folder == more)
        add_partition(catalog.name)
        print(f"catalog {name}: {len(catalog_found(catalog).listing.entries)} files in {folder}")


def link_to_train(source: Path, folder: Path) -> None:
    """Link the files that a `tracks.csv` names into a folder whose own gives all the role train."""
    folder.mkdir(parents=True, exist_ok=True)
    header, rows = read_rows(source / TRACKS_CSV)
    columns = [*header, *({"role"} - {*header})]
    for row in rows:
        link = folder / row["file"]
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to((source / row["file"]).resolve())
    cells = ([(row | {"role": "train"})[name] for name in columns] for row in rows)
    write_whole(folder / TRACKS_CSV, csv_of([columns, *cells]).encode())


if __name__ == "__main__":
    main()
