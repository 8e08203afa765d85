"""What commands share: options, libraries that may be missing, and how wrong usage ends."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.core.devices import DEVICE, DEVICES
from musqa_pipeline.core.errors import MusqaError, SettingsError

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILES",
        help="Files, folders, or -.",
        show_default=False,
        readable=False,  # what cannot be read gets a row that says so
    ),
]
ListOption = Annotated[
    Path | None,
    typer.Option("--list", metavar="FILE", help="Read paths from a file, one a line."),
]
ModelOption = Annotated[
    Path | None, typer.Option("--model", metavar="FILE", help="Another model file.")
]
OtherModelOption = Annotated[
    Path | None, typer.Option("--model", metavar="FILE", help="Model file, in place of yours.")
]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, help="Worker processes, for many files.")
]
PairsOption = Annotated[
    Path | None,
    typer.Option(
        "--pairs",
        metavar="FILE.csv",
        help="Read pairs from the columns reference,degraded; paths relative to the file.",
    ),
]
TermsOption = Annotated[
    list[str] | None,
    typer.Option("--accept-terms", help="Terms that you may pass on, as stated; repeatable."),
]
PresetOption = Annotated[
    str,
    typer.Option(
        "--preset",
        help="demo, paper, paper_small, musqa, effects, gan, gan_small, representations, "
        "representations_low_rate, vinylset, archive, archive_small, or the path of a .toml file.",
    ),
]


def require_new(path: Path, suffix: str) -> None:
    """Refuse a file to write that has another ending or is there already."""
    if path.suffix.lower() != suffix:
        raise typer.BadParameter(f"{path} does not end in {suffix}")
    if path.exists():
        raise SettingsError(f"{path} exists; name a new file")


def _device(text: str) -> str:
    if not re.fullmatch(DEVICE, text):
        raise typer.BadParameter(f"{text!r} is none of {DEVICES}")
    return text


DeviceOption = Annotated[
    str,
    typer.Option("--device", callback=_device, help=f"Where to compute: {DEVICES}."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
JsonLinesOption = Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV.")]


def one_form(*, as_json: bool, as_csv: bool) -> None:
    """Refuse JSON and CSV at once."""
    if as_json and as_csv:
        raise typer.BadParameter("give --json or --csv, not both")


def refuse_idle(ctx: typer.Context, options: Mapping[str, str], why: str) -> None:
    """Refuse options that would do nothing: names of parameters with those of their options."""
    sources = {option: ctx.get_parameter_source(name) for name, option in options.items()}
    given = [
        option for option, source in sources.items() if source and source.name == "COMMANDLINE"
    ]
    if given:
        raise typer.BadParameter(f"{', '.join(given)}: {why}")


def named_columns(texts: list[str] | None, option: str, form: str) -> dict[str, str]:
    """Read the values of an option that gives columns other names."""
    names = {}
    for text in texts or []:
        name, separator, column = text.partition("=")
        if not (separator and name and column):
            raise typer.BadParameter(f"{option} {text!r}: expected {form}")
        names[name] = column
    return names


def missing(libraries: Iterable[str]) -> list[str]:
    """List the libraries that are not installed."""
    return [name for name in libraries if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:  # what a finder that hides a library says
        return False


def needs(
    libraries: Iterable[str],
    what: str = "this",
    *,
    extra: str = "factory",
    kind: type[MusqaError] = MusqaError,
) -> None:
    """Refuse to go on without libraries, and say which extra has them."""
    if absent := missing(libraries):
        raise kind(
            f"{what} needs {', '.join(absent)}; install them with "
            f"pip install 'musqa-pipeline[{extra}]'"
        )


@contextmanager
def wrong_usage() -> Iterator[None]:
    """Let what the block refuses end as wrong usage does, with exit code 2.

    For blocks that do nothing but check options: what is wrong with a file ends with 1.
    """
    try:
        yield
    except MusqaError as error:
        raise typer.BadParameter(str(error)) from error


def no_nan(value: float | None) -> float | None:
    """Refuse NaN, which no range of typer refuses: the callback of options that are numbers."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is no number")
    return value
