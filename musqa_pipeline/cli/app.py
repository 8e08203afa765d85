"""Entry point of `musqa`: its commands, and of those that lack a library what to install.

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

LONGEST_HELP = 1_000
"""What is said of a command of a group is wrapped and not cut."""


class _Group(TyperGroup):
    """A group of commands whose list is whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a line a command, or as many as its first sentence takes."""
        rows = [
            (name, command.get_short_help_str(LONGEST_HELP))
            for name, command in self.commands.items()
            if not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class _Panels(TyperGroup):
    """The commands under headings."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a wrong value is told in our words, without those of the library."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise

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


def _told(name: str) -> str:
    command = COMMANDS[name]
    absent = command.extra and missing(command.libraries)
    return f"{command.help} (needs [{command.extra}])" if absent else command.help


def _show_version(wanted: bool) -> None:
    if wanted:
        output.say(f"musqa {tool_version('musqa-pipeline')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """No-reference music quality assessment: from folders of music to evaluated models."""


def command_line(called: str | None = None) -> typer.Typer:
    """Return `musqa` with all its commands; of those that are not `called`, the names alone.

    The module of a command is loaded when it is added, so that one that is called loads no other;
    a command whose libraries are missing says what to install.
    """
    app = typer.Typer(
        name="musqa",
        cls=_Panels,
        callback=_root,
        help="No-reference music quality assessment: from folders of music to evaluated models.",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in COMMANDS:
        (_add if called in (None, name) else _add_name)(app, name)
    return app


def _add(app: typer.Typer, name: str) -> None:
    """Add a command or a group of them."""
    command = COMMANDS[name]
    if missing(command.libraries) and not command.is_partly_there:
        _add_refusal(app, name, command.libraries, extra=command.extra)
        return
    module_name, _, place = (command.place or f"{name}:{name}").partition(":")
    module = import_module(f"musqa_pipeline.cli.{module_name}")
    found = getattr(module, place)
    if command.is_group:
        app.add_typer(found, name=name, cls=_Group)
    else:
        app.command(name, help=getattr(module, "HELP", None))(found)


def _add_refusal(app: typer.Typer, name: str, libraries: Sequence[str], *, extra: str) -> None:
    """Add a command that says what to install."""

    def refuse() -> None:
        needs(libraries, f"musqa {name}", extra=extra)

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command(name, help=_told(name), context_settings=settings)(refuse)


def _add_name(app: typer.Typer, name: str) -> None:
    """Add the name of a command alone, for a list of all."""

    def unnamed() -> None:
        raise AssertionError(f"musqa {name} was called and not loaded")

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


def main() -> None:
    """Run the command line and exit with its code."""
    _log_to_stderr()
    # A shell that completes a line gives the words in the environment.
    words = os.environ.get("_TYPER_COMPLETE_ARGS", " ".join(sys.argv)).split()[1:]
    called = next((word for word in words if not word.startswith("-")), "")
    app = command_line(called if called in COMMANDS else "")
    try:
        app()
    except MusqaError as error:
        output.say(f"error: {error}", err=True)
        sys.exit(1)
