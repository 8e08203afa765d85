"""Entry point of `musqa`: registers the commands whose libraries are installed.

Exit codes: 0 done, 1 failed (one sentence on standard error says why and what to do), 2 usage.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import missing, needs
from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.core.foreign_text import LINES, printable

FACTORY_LIBRARIES = ("dagster", "polars", "duckdb", "pyarrow")
FACTORY_COMMANDS = (
    "catalog", "run", "status", "query", "report", "demo", "costs", "export", "recipe",
    "verify", "gc", "migrate", "compact", "arrivals", "runs",
)  # fmt: skip
COMMANDS = ("score", "gate", "scan", "compare")
EXTRA_COMMANDS = {"label": "label", "serve": "serve", "sweep": "factory"}
"""Commands whose libraries an extra has, and the extras."""
GROUPS = ("gan", "listening", "model", "representations")

app = typer.Typer(
    name="musqa",
    help="No-reference music quality assessment: from folders of music to evaluated models.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        output.say(f"musqa {tool_version('musqa-pipeline')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """No-reference music quality assessment: from folders of music to evaluated models."""


def _register(name: str) -> None:
    """Add a command or a group of them, from the module of its name."""
    module = import_module(f"musqa_pipeline.cli.{name}")
    if name in GROUPS:
        app.add_typer(module.app, name=name)
    elif name in EXTRA_COMMANDS and missing(module.LIBRARIES):
        _refuse((name,), module.LIBRARIES, extra=EXTRA_COMMANDS[name])
    else:
        app.command(name, help=module.HELP)(getattr(module, name))


def _register_factory() -> None:
    if missing(FACTORY_LIBRARIES):
        _refuse(FACTORY_COMMANDS, FACTORY_LIBRARIES, extra="factory")
    else:
        from musqa_pipeline.cli.factory import register

        register(app)


def _refuse(commands: Iterable[str], libraries: Sequence[str], *, extra: str) -> None:
    """Register commands that say what to install."""

    def refuse() -> None:
        needs(libraries, "this command", extra=extra)

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    for name in commands:
        app.command(name, help=f"Needs the extra [{extra}].", context_settings=settings)(refuse)


class _Shown(logging.Formatter):
    """The message alone, as a terminal can show it."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), LINES)


def _log_to_stderr() -> None:
    """Show the library's lines of progress as they are; Dagster's own logging stays apart."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Shown("%(message)s"))
    logger = logging.getLogger("musqa_pipeline")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def register_commands(word: str = "") -> None:
    """Add the commands to `app`; those whose libraries are missing say what to install.

    Of a word that names a command, that one alone, so that no other module is loaded.
    """
    names = (*COMMANDS, *EXTRA_COMMANDS, *GROUPS)
    for name in (word,) if word in names else names:
        _register(name)
    if word not in names:
        _register_factory()


def main() -> None:
    """Run the command line and exit with its code."""
    _log_to_stderr()
    register_commands(*sys.argv[1:2])
    try:
        app()
    except MusqaError as error:
        output.say(f"error: {error}", err=True)
        sys.exit(1)
