"""Print the tables of docs/perceptual.md on image metrics and autoencoders, from a finished run.

``python docs/scripts/write_representation_results.py --preset FILE``

What the lake does not hold is asked once and kept. With ``--figure NAME`` the last line is that
number, and only what it needs is computed; with ``--pictures FOLDER`` pictures are drawn, and no
more. A module of `MODULES` has the figures and tables of one topic, functions of an `Evidence`, by
name in its `FIGURES` and by title in its `TABLES`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import representation_cells
import representation_genre
import representation_lowpasses
import representation_metrics
import representation_probe
import representation_teachers
import representation_trainings
from representation_evidence import Evidence

from musqa_pipeline.core.home import home_folder
from musqa_pipeline.stages.graph import joint_context, load_preset

MODULES = (
    representation_cells,
    representation_lowpasses,
    representation_metrics,
    representation_trainings,
    representation_genre,
    representation_probe,
    representation_teachers,
)
FIGURES = {name: make for module in MODULES for name, make in module.FIGURES.items()}
TABLES = {title: make for module in MODULES for title, make in module.TABLES.items()}
PICTURES = (representation_trainings.PICTURES, representation_genre.PICTURES)


def main() -> None:
    """Print the tables, or a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", required=True)
    parser.add_argument("--figure", choices=sorted(FIGURES))
    parser.add_argument("--pictures", type=Path, help="folder to draw into")
    arguments = parser.parse_args()
    evidence = Evidence(joint_context(home_folder(), load_preset(arguments.preset)))
    if arguments.figure:
        print(f"{FIGURES[arguments.figure](evidence):.4g}")
        return
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        for draw in PICTURES:
            for name, png in draw(evidence).items():
                (arguments.pictures / f"{name}.png").write_bytes(png)
        return
    for title, make in TABLES.items():
        print(f"### {title}\n\n{make(evidence)}\n", flush=True)


if __name__ == "__main__":
    main()
