"""Options that commands of the scorer share: which files, which model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
