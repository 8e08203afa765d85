"""What commands share of their options: which files, which model, and how a wrong one ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.core.errors import MusqaError

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILES", help="Files, folders, or -.", show_default=False),
]
ListOption = Annotated[
    Path | None,
    typer.Option("--list", metavar="FILE", help="Read paths from a file, one a line."),
]
ModelOption = Annotated[
    Path | None, typer.Option("--model", metavar="FILE", help="Another model file.")
]


@contextmanager
def wrong_usage() -> Iterator[None]:
    """Let what the block refuses end as wrong usage does, with exit code 2.

    For blocks that do nothing but check options: what is wrong with a file ends with 1.

    Raises
    ------
    typer.BadParameter
        In place of any `MusqaError`.
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
