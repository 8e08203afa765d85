"""The operator's page names commands, options and variables that exist."""

from __future__ import annotations

import re

import pytest
import typer

from musqa_pipeline.cli.app import command_line
from tests import ROOT

PAGES = [ROOT / "docs" / name for name in ("operations.md", "drill.md")]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands_of(page):
    """What a page gives in code: lines of blocks, and inline."""
    text = page.read_text()
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def find(words):
    """Walk from the application to the command that the words name; return it and what is left."""
    command, rest = typer.main.get_command(command_line()), list(words)
    while rest and hasattr(command, "commands"):
        assert rest[0] in command.commands, f"musqa {' '.join(words)}: no {rest[0]!r}"
        command = command.commands[rest.pop(0)]
    return command, rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_page_exists(page):
    n = 0
    for line in commands_of(page):
        words = line.partition("#")[0].split()
        if words[:1] == ["musqa"] and len(words) > 1:
            command, rest = find(words[1:])
            options = {option for p in command.params for option in p.opts}
            for word in rest:
                assert not word.startswith("--") or word in options, f"{line}: no option {word}"
            n += 1
        if words[:1] == ["make"]:
            assert words[1] in TARGETS, line
            n += 1
    assert n >= (20 if page.name == "operations.md" else 1)


def test_every_variable_of_the_page_is_read_somewhere():
    named = set(re.findall(r"`(MUSQA_[A-Z_]+)`", PAGES[0].read_text()))
    source = "\n".join(
        p.read_text() for room in ("musqa_pipeline", "assets") for p in (ROOT / room).rglob("*.py")
    )
    assert len(named) >= 6
    assert [name for name in sorted(named) if f'"{name}"' not in source] == []


def test_the_sentences_that_the_page_quotes_are_said_by_the_code():
    """Words that an operator looks for: from tables whose first column is headed "it says"."""
    text, said = PAGES[0].read_text(), []
    for table in re.findall(r"\| it says \|.*?\n\n", text, re.DOTALL):
        cells = [row.split("|")[1] for row in table.splitlines()[2:] if row.startswith("|")]
        said += [sentence for cell in cells for sentence in re.findall(r"`([^`]+)`", cell)]
    files = [*(ROOT / "musqa_pipeline").rglob("*.py"), *(ROOT / "assets").glob("*.py")]
    source = " ".join(re.sub(r'"\s*\n\s*f?"', "", file.read_text()) for file in files)
    assert len(said) >= 12
    for sentence in said:
        for part in re.split(r"…|\d+", sentence):
            assert part.strip() in source, f"nobody says {part!r}"
