"""`musqa export`: a published dataset as files for other tools."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption, TermsOption
from musqa_pipeline.release.exports.kinds import Format

HELP = """Write a preset's published dataset as files for other tools, with a card.

Recordings whose terms do not let anyone pass on changed copies are left out as audio, and named;
--accept-terms takes in those that you have the right to pass on. An export that was ended goes on
where it was.

Examples:

\b
  musqa export musqa --format webdataset --out shards --split train
  musqa export demo --format wav --out listen --limit 20 --with-references
  musqa export musqa --format huggingface --out hub --accept-terms CC-BY-NC-4.0
"""


class Split(StrEnum):
    """As `musqa_pipeline.stages.dataset.splits.PARTS`, which needs the factory's libraries."""

    train = "train"
    validation = "validation"
    test = "test"


def export(
    preset: Annotated[
        str, typer.Argument(metavar="DATASET", help="Preset whose published dataset is meant.")
    ],
    out: Annotated[Path, typer.Option("--out", help="New folder, or that of an ended attempt.")],
    format_: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.wav,
    splits: Annotated[
        list[Split] | None, typer.Option("--split", help="Only this part; repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Most rows with audio; 0: all.")] = 0,
    with_references: Annotated[
        bool, typer.Option("--with-references", help="Write the untouched references, too.")
    ] = False,
    accept_terms: TermsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a published dataset; `HELP` says it to users."""
    from musqa_pipeline.core.home import home_folder
    from musqa_pipeline.core.workers.local import LocalPool
    from musqa_pipeline.release.exports import plan
    from musqa_pipeline.release.exports.plan import kept_back
    from musqa_pipeline.release.exports.run import write_export
    from musqa_pipeline.stages.views.published_set import read_published_set

    options = plan.Options(
        format=format_,
        splits=tuple(map(str, splits)) if splits else plan.PARTS,
        limit=limit,
        with_references=with_references,
        accepted_terms=tuple(sorted(accept_terms or ())),
    )
    published = read_published_set(home_folder(), preset)
    made = plan.plan_export(published, options)
    report = write_export(published, made, out, fanout=LocalPool())
    kept = kept_back(made.rows)
    text = f"{out}: {report.rows} rows, {report.files} files, {report.megabytes:.1f} MB"
    for terms, n_recordings, n_rows in kept.rows():
        text += (
            f"\nkept back: the audio of {n_rows} rows of {n_recordings} recordings, whose terms "
            f"are {terms}"
        )
    record = {"out": str(out), **asdict(report), "kept_back": kept.to_dicts()}
    output.emit(record, text, as_json=as_json)
