"""`musqa model`: which model scores, which there are, and how to make one of a training."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from musqa_pipeline.cli import champion, output
from musqa_pipeline.cli.options import JsonOption, needs
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.core.home import Home

app = typer.Typer(help="Models of the scorer: shipped, chosen, or your own.", no_args_is_help=True)
app.command()(champion.history)
app.command()(champion.refreeze)
COLUMNS = ["used", "where", "name", "version", "calibrated", "sealed", "megabytes", "path"]


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the models: the shipped one, your choice, and the releases below MUSQA_HOME."""
    from musqa_pipeline.core.home import home_folder
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
    preset: Annotated[str, typer.Option("--preset", help="Whose champion.")] = "demo",
    as_json: JsonOption = False,
) -> None:
    """Make a model file of a training of musqa-net; `[release]` makes a calibrated one.

    Such a model gives scores without intervals, and does not know what is far from its training:
    both need recordings that it did not learn from (docs/model_release.md).
    """
    needs(("torch", "onnx", "polars"), "musqa model export", kind=ModelError)
    from musqa_pipeline.release.model.export import export_run

    asked = str(run) == champion.CHAMPION and not run.is_dir()
    with champion.champion_folder(preset) if asked else nullcontext(run) as folder:
        difference = export_run(folder, out, name=name, version=version)
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
    """Make a run of the 1-D CNN of paper 001 that was trained in Keras.

    Its authors turned spectrograms so that time runs backwards: the run turns them likewise, unless
    you say --upright. Name the folder as imported_run in a preset to have it evaluated
    (docs/models.md).
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
