"""Entry point of `musqa`: registers the commands whose libraries are installed.

Exit codes: 0 done, 1 failed (one sentence on standard error says why and what to do), 2 usage.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from musqa_pipeline.cli import output
from musqa_pipeline.cli.commands import COMMANDS, PANELS
from musqa_pipeline.cli.options import missing, needs
from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.core.foreign_text import LINES, printable


class _Panels(TyperGroup):
    """The commands under headings."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section a panel, with what a command needs beyond what is installed."""
        width = max(map(len, COMMANDS))
        for panel in PANELS:
            rows = [
                (name.ljust(width), _told(name))
                for name, command in COMMANDS.items()
                if command.panel == panel and name in self.commands
            ]
            if rows:
                with formatter.section(panel):
                    formatter.write_dl(rows)


app = typer.Typer(
    name="musqa",
    cls=_Panels,
    help="No-reference music quality assessment: from folders of music to evaluated models.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _told(name: str) -> str:
    command = COMMANDS[name]
    absent = command.extra and missing(command.libraries)
    return f"{command.help} (needs [{command.extra}])" if absent else command.help


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
    """Add a command or a group of them; one whose libraries are missing says what to install."""
    command = COMMANDS[name]
    if missing(command.libraries) and not command.is_partly_there:
        _refuse(name, command.libraries, extra=command.extra)
        return
    module_name, _, place = (command.place or f"{name}:{name}").partition(":")
    module = import_module(f"musqa_pipeline.cli.{module_name}")
    found = getattr(module, place)
    if command.is_group:
        app.add_typer(found, name=name)
    else:
        app.command(name, help=getattr(module, "HELP", None))(found)


def _refuse(name: str, libraries: Sequence[str], *, extra: str) -> None:
    """Register a command that says what to install."""

    def refuse() -> None:
        needs(libraries, f"musqa {name}", extra=extra)

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command(name, help=_told(name), context_settings=settings)(refuse)


def _name(name: str) -> None:
    """Register the name of a command alone, for a list of all."""

    def unnamed() -> None:
        raise AssertionError(f"musqa {name} was called and not registered")

    app.command(name, help=COMMANDS[name].help)(unnamed)


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


def register_commands() -> None:
    """Add all commands to `app`; those whose libraries are missing say what to install."""
    for name in COMMANDS:
        _register(name)


def _register_for(words: Sequence[str]) -> None:
    """Add the command that is called, so that no other module is loaded; of the others names."""
    called = next((word for word in words if not word.startswith("-")), "")
    for name in (called,) if called in COMMANDS else COMMANDS:
        (_register if name == called else _name)(name)


def main() -> None:
    """Run the command line and exit with its code."""
    _log_to_stderr()
    # A shell that completes a line gives the words in the environment.
    _register_for(os.environ.get("_TYPER_COMPLETE_ARGS", " ".join(sys.argv)).split()[1:])
    try:
        app()
    except MusqaError as error:
        output.say(f"error: {error}", err=True)
        sys.exit(1)
