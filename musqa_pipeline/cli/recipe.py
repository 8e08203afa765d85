"""`musqa recipe`: a published set as a recipe without audio, and the set from the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption, TermsOption
from musqa_pipeline.core.errors import StageError

app = typer.Typer(
    help="A published set without its audio, and the way back to the same bits.",
    no_args_is_help=True,
)


@app.command("export")
def export_recipe(
    preset: Annotated[str, typer.Argument(help="Preset whose published dataset is meant.")],
    file: Annotated[Path, typer.Argument(help="The recipe to write, such as set.recipe.")],
    references: Annotated[
        Path | None,
        typer.Option("--references", help="Folder that gets the references with tails, as FLAC."),
    ] = None,
    accept_terms: TermsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what was done to which reference, and the hashes of what came out."""
    from musqa_pipeline.core.home import home_folder
    from musqa_pipeline.release.exports.plan import kept_back, with_terms
    from musqa_pipeline.release.rebuild.collect import collect_recipe, write_references
    from musqa_pipeline.release.rebuild.file import write_recipe
    from musqa_pipeline.stages.views.published_set import read_published_set

    if accept_terms and references is None:
        raise typer.BadParameter("--accept-terms goes with --references: a recipe has no audio")
    published = read_published_set(home_folder(), preset)
    rows = with_terms(published.rows, accept_terms or ())
    recipe = collect_recipe(published)
    n_written, kept = 0, kept_back(rows)
    if references is not None:
        n_written = write_references(published, rows.filter("passed_on"), references)
    write_recipe(recipe, file)
    n_references = rows.select("catalog", "excerpt_id").n_unique()
    text = f"{file}: {rows.height} rows of {n_references} references"
    if references is not None:
        text += f"; {n_written} references in {references}"
        for terms, n_recordings, _ in kept.rows():
            text += f"\nkept back: {n_recordings} recordings, whose terms are {terms}"
    record = {
        "recipe": str(file), "rows": rows.height, "references": n_references,
        "references_written": n_written, "kept_back": kept.to_dicts() if references else [],
    }  # fmt: skip
    output.emit(record, text, as_json=as_json)


@app.command("replay")
def replay_recipe(
    file: Annotated[Path, typer.Argument(help="A recipe.")],
    references: Annotated[
        list[Path],
        typer.Option("--references", help="Folder with the tracks or references; repeatable."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the set.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Make what can be made of the references there are.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Try encoders of other versions, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the set again and compare every row with the recipe, bit for bit.

    What is there from an earlier attempt is kept. Exit code 1 if anything is missing or differs.
    """
    from musqa_pipeline.audio.degradations.builds import builds_here
    from musqa_pipeline.core.workers.local import LocalPool
    from musqa_pipeline.release.rebuild import words
    from musqa_pipeline.release.rebuild.file import read_recipe
    from musqa_pipeline.release.rebuild.references import find_references
    from musqa_pipeline.release.rebuild.replay import replay

    recipe, builds = read_recipe(file), dict(builds_here())
    others = words.other_encoders(recipe)
    if others and not anyway:
        raise StageError(
            "other encoders made this set:\n  " + "\n  ".join(others) + "\ninstall those "
            f"(imageio-ffmpeg {recipe.head.builds.get('imageio-ffmpeg', 'of another version')}), "
            "or try all the same with --anyway"
        )
    found = find_references(recipe.rows, references)
    missing = words.missing_references(recipe, found)
    if missing and not partial:
        raise StageError(_not_found(missing, found.n_files) + "; add their folders with "
                         "--references, or make the rest with --partial")  # fmt: skip
    report = replay(recipe, found, out, fanout=LocalPool())
    problems = words.verdict(recipe, report, builds)
    if problems:
        raise StageError(
            f"{report.rows} of {recipe.rows.height} rows are equal, the others were not written:\n"
            "  " + "\n  ".join(problems)
        )
    record = {"out": str(out), "rows": report.rows, "references": report.references,
              "made": report.made, "rows_of_recipe": recipe.rows.height}  # fmt: skip
    text = (
        f"{out}: {report.rows} of {recipe.rows.height} rows of {report.references} references, all "
        "equal to the recipe bit for bit"
    )
    output.emit(record, text, as_json=as_json)
    if missing:
        raise StageError(_not_found(missing, found.n_files) + "; the rest is made")


def _not_found(missing: list[str], n_files: int) -> str:
    from musqa_pipeline.release.rebuild.words import MAX_LISTED

    shown = missing[:MAX_LISTED] + [f"and {len(missing) - MAX_LISTED} more"] * (
        len(missing) > MAX_LISTED
    )
    return (
        f"{len(missing)} tracks are not among {n_files} audio files, by their samples:\n  "
        + "\n  ".join(shown)
    )
