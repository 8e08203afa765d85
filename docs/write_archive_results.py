"""Print the tables of docs/archives.md on faults of carriers, from a finished run.

``python docs/write_archive_results.py deaf|gains --preset FILE [--picture FILE.png]``

``deaf``: which faults each metric hears, by ladders of one fault; the last line says of how many
faults the label is trusted. ``gains``: what the removal of each fault would gain; the last line is
the share of single gains below 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl
from archive_deaf import (
    LABEL,
    deaf_table,
    draw_ladders,
    hearings,
    read_ladders,
    steps_table,
    trusted,
)
from archive_gains import gains_table, read_gains

from musqa_pipeline.core.files import write_whole
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.gains.stage import EVERY_FAULT
from musqa_pipeline.stages.graph import joint_context, load_preset
from musqa_pipeline.studies.figures import house_style, to_png


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("deaf", "gains"))
    parser.add_argument("--preset", required=True)
    parser.add_argument("--picture", type=Path, help="of `deaf`: PNG to draw into")
    arguments = parser.parse_args()
    context = joint_context(home_folder(), load_preset(arguments.preset))
    if arguments.what == "gains":
        print_gains(context)
    else:
        print_deaf(context, arguments.picture)


def print_deaf(context: Context, picture: Path | None) -> None:
    """Say which faults are heard."""
    ladders = read_ladders(context)
    print("### Median correlation with intensity, and median fall in MOS; bold where heard\n")
    print(f"{deaf_table(ladders)}\n\n### Mean MOS by {LABEL}, by intensity\n")
    print(f"{steps_table(ladders)}\n")
    if picture:
        with house_style("archives"):
            write_whole(picture, to_png(draw_ladders(ladders), n_colours=256))
    print("{} of {}".format(*trusted(hearings(ladders)[LABEL])))


def print_gains(context: Context) -> None:
    """Say what restorations would gain."""
    gains = read_gains(context)
    print(f"{gains_table(gains)}\n")
    heard = gains.filter(pl.col("fault") != EVERY_FAULT, pl.col("gain_mos").is_not_null())
    print(f"{(heard['gain_mos'] < 0).mean():.3f}")


if __name__ == "__main__":
    main()
