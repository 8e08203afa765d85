"""`musqa model`: which model scores, which there were, and how to make one of a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption, PresetOption, needs
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.core.files import explained
from musqa_pipeline.core.home import Home, home_folder

if TYPE_CHECKING:
    from musqa_pipeline.stages.engine.context import Context

app = typer.Typer(help="Models of the scorer: shipped, chosen, or your own.", no_args_is_help=True)
CHAMPION = "champion"
"""What stands for the champion where a training's folder could stand."""
LIBRARIES = ("polars", "pyarrow", "duckdb")
DECISIONS = [
    "number", "champion", "decided_utc", "decision", "network", "rmse", "against", "difference",
    "at_most", "recordings", "new", "reason",
]  # fmt: skip
COLUMNS = ["used", "where", "name", "version", "calibrated", "sealed", "megabytes", "path"]


@app.command()
def history(preset: PresetOption = "demo", as_json: JsonOption = False) -> None:
    """Show every decision on a model: promoted, kept out, disqualified, and why."""
    context = _context(preset)
    from musqa_pipeline.release.promotion.history import history_rows
    from musqa_pipeline.release.promotion.reports import page_key

    rows = history_rows(context)
    shown = [
        {
            **row,
            "champion": "*" if row["is_champion"] else "",
            "rmse": row["rmse_points"],
            "against": row["champion_rmse_points"],
            "difference": row["difference_points"],
            "at_most": row["upper_points"],
            "recordings": row["n_recordings"],
            "new": row["n_new_recordings"],
        }
        for row in rows
    ]
    name = context.preset.name
    empty = f"preset {name} has decided on no model yet; see [promotion] in docs/promotion.md"
    output.table(rows if as_json else shown, DECISIONS, as_json=as_json, empty=empty)
    if rows and not as_json:
        page = context.lake.store.address(page_key(name))
        output.say(f"\nRMSE in points of 100, over time: {page}")


@app.command()
def refreeze(
    preset: PresetOption = "demo",
    note: Annotated[str, typer.Option("--note", help="Why, for the history.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Let the test recordings that came since join the frozen ones; the history records it."""
    needs(LIBRARIES, "musqa model refreeze", kind=ModelError)
    from musqa_pipeline.release.promotion.history import show_history
    from musqa_pipeline.release.promotion.promote import refreeze as join
    from musqa_pipeline.stages.graph import joint_context, load_preset

    context = joint_context(home_folder(), load_preset(preset))
    row = join(context, note)
    show_history(context)
    words = (
        f"decision {row['number']}: {row['reason']}; {row['n_recordings']} recordings are judged"
    )
    output.emit(row, words, as_json=as_json)


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the models: the shipped one, your choice, and the releases below MUSQA_HOME."""
    from musqa_pipeline.scoring import model_file

    try:
        used = model_file.resolve_model_path()
    except ModelError:
        used = None
    places = [("shipped", model_file.SHIPPED), ("chosen", model_file.chosen_model_path())]
    releases = _released(home_folder())
    rows = [
        {"used": "*" if path == used else "", "where": where, **_described(path)}
        for where, path in [*places, *(("release", path) for path in releases)]
        if path.is_file()
    ]
    if used is not None and not any(row["used"] for row in rows):
        rows.append({"used": "*", "where": model_file.ENVIRONMENT, **_described(used)})
    output.table(rows, COLUMNS, as_json=as_json, empty="no model is installed")


def _released(home: Home) -> list[Path]:
    if isinstance(home, Path):
        return sorted((home / "releases").glob("*/model.onnx"))
    from musqa_pipeline.storage.stores.opening import open_store

    store = open_store(home)
    keys = [f"releases/{name}/model.onnx" for name in store.folders("releases")]
    return [store.local_file(key) for key in keys if store.exists(key)]


@app.command("card")
def print_card(
    file: Annotated[
        Path | None, typer.Argument(help="A model file; the one in use if left out.")
    ] = None,
    licence: Annotated[
        str,
        typer.Option("--licence", metavar="SPDX", help="Of a model that is your own."),
    ] = "other",
) -> None:
    """Print a model's card as Hugging Face reads it: what it is of, how well it does, its limits.

    A release has it beside its model file, as README.md.
    """
    from musqa_pipeline.release.model.hub import LICENCE, hub_card
    from musqa_pipeline.scoring.model_file import SHIPPED, ModelFile, resolve_model_path

    path = file or resolve_model_path()
    output.say(hub_card(ModelFile(path), LICENCE if path == SHIPPED else licence))


@app.command("use")
def use_model(
    file: Annotated[Path | None, typer.Argument(help="A model file.", show_default=False)] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Go back to the model that came with musqa.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a model file, copy it, and score with the copy from now on."""
    from musqa_pipeline.scoring.model_file import ModelFile, choose_model

    if shipped == (file is not None):
        raise typer.BadParameter("give a model file, or --shipped")
    path = choose_model(file)
    model = ModelFile(path)
    words = f"scores come from {model.label} now ({path})"
    output.emit(
        {"name": model.name, "version": model.version, "path": str(path)}, words, as_json=as_json
    )


@app.command("export")
def export_model(
    run: Annotated[
        Path,
        typer.Argument(help="Folder of a training: weights.pt and settings.json; or champion."),
    ],
    out: Annotated[Path, typer.Option("--out", help="The model file to write.")] = Path(
        "model.onnx"
    ),
    name: Annotated[str, typer.Option("--name", help="What scores call the model.")] = "own",
    version: Annotated[str, typer.Option("--version", help="Its version.")] = "1",
    about: Annotated[
        Path | None,
        typer.Option(
            "--about",
            metavar="FILE.md",
            help="Markdown for the model card: data, their terms, accuracy.",
        ),
    ] = None,
    preset: Annotated[str, typer.Option("--preset", help="Whose champion.")] = "demo",
    as_json: JsonOption = False,
) -> None:
    """Make a model file of a training of musqa-net, or of insenet for `musqa compare`.

    A model of musqa-net gives scores without intervals, and does not know what is far from its
    training: both need recordings that it did not learn from, and `[release]` makes one that has
    them (docs/model_release.md). The card of a model of insenet is written beside it, as .md.
    """
    needs(("torch", "onnx", "polars"), "musqa model export", kind=ModelError)
    from musqa_pipeline.release.model.export import export_run

    asked = str(run) == CHAMPION and not run.is_dir()
    text = ""
    if about is not None:
        with explained("read", about):
            text = about.read_text("utf-8")
    with _champion_folder(preset) if asked else nullcontext(run) as folder:
        difference = export_run(folder, out, name=name, version=version, about=text)
    words = f"{out}: {name} {version}; onnxruntime and torch differ by {difference:.1g} at most"
    record = {"path": str(out), "name": name, "version": version, "largest_difference": difference}
    output.emit(record, words, as_json=as_json)


@app.command("import-keras")
def import_keras_file(
    file: Annotated[Path, typer.Argument(help="An .h5, .hdf5, .weights.h5 or .keras file.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the run.")],
    upright: Annotated[
        bool,
        typer.Option("--upright", help="It learned from images in which time runs forwards."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a run of a network of paper 001 that was trained in Keras.

    The 1-D CNN, Inception v3 and VGG19 are told apart by their layers. The authors turned
    spectrograms so that time runs backwards: the run turns them likewise, unless you say --upright.
    Name the folder as imported_run in a preset to have it evaluated (docs/models.md).
    """
    needs(("torch", "h5py"), "musqa model import-keras", kind=ModelError)
    from musqa_pipeline.learning.imports.keras_import import import_keras

    origin = import_keras(file, out, time_reversed=not upright)
    words = (
        f"{out}: {origin['model']} out of {origin['layout']}, {origin['checked']} compared; to "
        f"evaluate it, name it in a preset:\n[models.recipes.{origin['model']}]\n"
        f'imported_run = "{out.absolute()}"'
    )
    output.emit({"path": str(out), **origin}, words, as_json=as_json)


@app.command("import-qama")
def import_qama_file(
    file: Annotated[Path, typer.Argument(help="A qama_*.pt of the authors of paper 004.")],
    folder: Annotated[Path, typer.Argument(help="New folder for the network.")],
    as_json: JsonOption = False,
) -> None:
    """Write w2vMOS, as the authors of paper 004 published it, into a folder of transformers.

    It holds config.json and model.safetensors; fairseq is not needed (docs/archives.md).
    """
    needs(("torch", "lightning"), "musqa model import-qama", kind=ModelError)
    from musqa_pipeline.learning.imports.qama_import import import_qama

    network = import_qama(file, folder)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    words = f"{folder}: w2vMOS with {n_parameters:,} parameters"
    output.emit({"path": str(folder), "parameters": n_parameters}, words, as_json=as_json)


def _described(path: Path) -> dict[str, Any]:
    """Return what a list says of a model file; one that is damaged must not hide the others."""
    from musqa_pipeline.scoring.model_file import ModelFile

    row: dict[str, Any] = {
        "path": str(path), "name": "", "version": "", "calibrated": False, "sealed": False,
        "megabytes": None, "accuracy": None, "problem": None,
    }  # fmt: skip
    try:
        row["megabytes"] = round(path.stat().st_size / 1e6, 1)
        model = ModelFile(path)
    except OSError as error:
        return row | {"problem": f"{error.strerror or error}; check MUSQA_MODEL"}
    except ModelError as error:
        return row | {"problem": str(error)}
    return row | {
        "name": model.name,
        "version": model.version,
        "calibrated": model.calibration is not None,
        "sealed": model.sealed,
        "accuracy": model.record.get("accuracy"),
    }


@contextmanager
def _champion_folder(preset: str) -> Iterator[Path]:
    """Lay the champion's files into a folder while the block runs."""
    context = _context(preset)
    from musqa_pipeline.release.promotion.candidate import read_champion, unpacked
    from musqa_pipeline.release.promotion.history import read_history, require_champion

    row = require_champion(context, read_history(context))
    with unpacked(read_champion(context, row["weights"])) as folder:
        yield folder


def _context(preset: str) -> Context:
    """Return a context that knows no fingerprints: the history needs none."""
    needs(LIBRARIES, "musqa model history", kind=ModelError)
    from musqa_pipeline.stages.engine.context import Context
    from musqa_pipeline.stages.graph import load_preset

    return Context(home_folder(), load_preset(preset), None, {})
