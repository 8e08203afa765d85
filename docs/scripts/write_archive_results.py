"""Print the tables of docs/archives.md, from a finished run.

``python docs/scripts/write_archive_results.py deaf|gains|table|clusters|pretraining --preset FILE``

``deaf``: which faults each metric hears, by ladders of one fault (``--picture FILE.png`` draws
them); the last line says of how many faults the label is trusted. ``gains``: what the removal of
each fault would gain; the last line is the share of single gains below 0. ``table``: the networks
of paper 004 under `grouped` and `stratified`, mapped in four ways, beside noise and the paper; the
last line is the mean correlation of trainings on labels of chance, and their share within the band
of noise. ``clusters``: what DCEC's clusters go by; the last line is their adjusted mutual
information with the strongest fault less that with the recording. ``pretraining``: bodies that
learned before against weights of chance, with few labels and many (``--picture`` draws them); the
last line is the gain in fine-tuned severities, with its interval over recordings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl
from archive_clusters import print_clusters
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
from archive_pretraining import print_pretraining
from archive_table import THRESHOLD_MOS, Halves, pictured, print_table, require_trials

from musqa_pipeline.core.files import write_whole
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.gains.stage import EVERY_FAULT
from musqa_pipeline.stages.graph import joint_context, load_preset
from musqa_pipeline.studies.figures import house_style, to_png


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("deaf", "gains", "table", "clusters", "pretraining"))
    parser.add_argument("--preset", required=True)
    parser.add_argument(
        "--picture", type=Path, help="of `deaf`, `table`, `pretraining`: PNG to draw into"
    )
    parser.add_argument(
        "--threshold-mos", type=float, default=THRESHOLD_MOS,
        help="of `table`: ranks are asked of labels that are farther apart, where a metric labels",
    )  # fmt: skip
    arguments = parser.parse_args()
    context = joint_context(home_folder(), load_preset(arguments.preset))
    if arguments.what == "table":
        require_trials(context)
        try:
            halves = Halves(context, arguments.threshold_mos)
            print_table(halves)
            if arguments.picture:
                with house_style("archives"):
                    write_whole(arguments.picture, to_png(pictured(halves), n_colours=256))
        except ValueError as error:
            parser.error(str(error))
    elif arguments.what == "clusters":
        print_clusters(context)
    elif arguments.what == "pretraining":
        print_pretraining(context, arguments.picture)
    elif arguments.what == "gains":
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
