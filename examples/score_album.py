"""Score an album: a table of its tracks, and a picture of how each goes on.

``python examples/score_album.py FOLDER [--picture album.png]``; beside the scorer it needs polars
and matplotlib.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl
from matplotlib import pyplot as plt

from musqa_pipeline import Score, Scorer
from musqa_pipeline.audio.files.listing import AUDIO_SUFFIXES
from musqa_pipeline.core.errors import UnfitInputError

BEST_MOS = 4.73
"""Of a recording that sounds as its original does."""


def score_album(folder: Path) -> dict[str, Score]:
    """Score the files of a folder, by name; what cannot be read is told and left out."""
    scorer, scores = Scorer(), {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES):
        try:
            scores[path.stem] = scorer.score_file(path)
        except UnfitInputError as error:
            print(f"{path.name} is left out: {error}")
    return scores


def as_table(scores: dict[str, Score]) -> pl.DataFrame:
    """Return a row a track, the worst first; tracks without a score come last and say why."""
    rows = [
        {
            "track": name,
            "mos": score.mos,
            "low": score.mos_low,
            "high": score.mos_high,
            "words": score.words or score.abstained,
            "bandwidth_khz": score.bandwidth_hz and score.bandwidth_hz / 1000,
            "loudness_lufs": score.loudness_lufs,
            "why": score.cause or score.reason,
        }
        for name, score in scores.items()
    ]
    return pl.DataFrame(rows, infer_schema_length=None).sort("mos", nulls_last=True)


def draw_album(scores: dict[str, Score], picture: Path) -> None:
    """Draw the score of each track over time, with its 90 % interval."""
    figure, panels = plt.subplots(
        len(scores), figsize=(6, 0.6 + 0.9 * len(scores)), sharex=True, sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for panel, (name, score) in zip(panels.ravel(), scores.items(), strict=True):
        for window in score.windows:
            if window.mos is None:
                continue
            where_s = (window.start_s, window.stop_s)
            panel.hlines(window.mos, *where_s, color="C0")
            if window.mos_low is not None:
                panel.fill_between(
                    where_s, window.mos_low, window.mos_high, color="C0", alpha=0.2, linewidth=0
                )
        panel.set_ylim(1, BEST_MOS + 0.17)
        panel.set_title(name, loc="left", fontsize=9)
    panels[-1, 0].set_xlabel("time, s")
    panels[-1, 0].set_xlim(left=0)
    figure.supylabel("predicted MOS-LQO", fontsize=9)
    figure.savefig(picture, dpi=150)


def main() -> None:
    """Print the table, and draw if a picture is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    scores = score_album(arguments.folder)
    if not scores:
        parser.error(f"{arguments.folder} holds no audio that can be read")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=80, float_precision=2):
        print(as_table(scores))
    if arguments.picture:
        draw_album(scores, arguments.picture)


if __name__ == "__main__":
    main()
