"""The limits of audio at every door: the same bombs for all commands that take a file.

`PATHS` says of each path that a command takes by which door it is tried, or that no audio is
opened behind it; a new path fails here until it is entered.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import typing
from pathlib import Path

import psutil
import pytest
import typer

from musqa_pipeline.cli.app import command_line
from musqa_pipeline.scoring.serve.settings import ServeSettings
from tests import ROOT
from tests.audio.bombs import BOMBS, SPARSE_BYTES
from tests.cli.doors import DOORS, Ended, make_world

NO_AUDIO = ""
PATHS = {
    ("score", "files"): "score",
    ("score", "list_file"): "score --list",
    ("score", "model"): NO_AUDIO,
    ("gate", "files"): "gate",
    ("gate", "list_file"): "gate --list",
    ("gate", "baseline"): NO_AUDIO,
    ("gate", "new_baseline"): NO_AUDIO,
    ("gate", "model"): NO_AUDIO,
    ("scan", "library"): "scan",
    ("scan", "out"): NO_AUDIO,
    ("scan", "model"): NO_AUDIO,
    ("label", "files"): "label degraded",
    ("label", "pairs_file"): "label --pairs",
    ("compare", "reference"): "compare reference",
    ("compare", "degraded"): "compare degraded",
    ("compare", "pairs_file"): "compare --pairs",
    ("compare", "scores"): "compare --fine-tune",
    ("compare", "model"): NO_AUDIO,
    ("compare", "out"): NO_AUDIO,
    ("serve", "model"): NO_AUDIO,
    ("spectrogram", "file"): "spectrogram",
    ("spectrogram", "out"): NO_AUDIO,
    ("sweep", "reference"): "sweep",
    ("sweep", "out"): NO_AUDIO,
    ("sweep", "model"): NO_AUDIO,
    ("export", "out"): NO_AUDIO,
    ("gan degrade", "file"): "gan degrade",
    ("gan degrade", "out"): NO_AUDIO,
    ("gan pmqd", "folder"): "gan pmqd",
    ("gan score", "files"): "gan score",
    ("representations reconstruct", "file"): "representations reconstruct",
    ("representations reconstruct", "wav"): NO_AUDIO,
    ("representations reconstruct", "png"): NO_AUDIO,
    ("listening stimuli", "recordings"): "listening stimuli",
    ("listening stimuli", "plan"): "listening stimuli --plan",
    ("listening stimuli", "out"): NO_AUDIO,
    ("listening screen", "results"): NO_AUDIO,
    ("listening screen", "key"): NO_AUDIO,
    ("listening mos", "results"): NO_AUDIO,
    ("listening mos", "key"): NO_AUDIO,
    ("listening compare", "tests"): "listening compare",
    ("listening compare", "predictions"): NO_AUDIO,
    ("listening compare", "plot"): NO_AUDIO,
    ("listening predict", "folders"): "[evaluation] listening_tests",
    ("model use", "file"): NO_AUDIO,
    ("model card", "file"): NO_AUDIO,
    ("model export", "run"): NO_AUDIO,
    ("model export", "out"): NO_AUDIO,
    ("model export", "about"): NO_AUDIO,
    ("model import-keras", "file"): NO_AUDIO,
    ("model import-keras", "out"): NO_AUDIO,
    ("model import-qama", "file"): NO_AUDIO,
    ("model import-qama", "folder"): NO_AUDIO,
    ("catalog add", "folder"): "run",
    ("catalog equalise", "source"): "catalog equalise",
    ("catalog equalise", "folder"): NO_AUDIO,
    ("catalog sampled", "folder"): NO_AUDIO,
    ("catalog sampled", "sound_font"): NO_AUDIO,
    ("catalog opinions", "folder"): NO_AUDIO,
    ("catalog opinions", "path"): NO_AUDIO,
    ("recipe export", "file"): NO_AUDIO,
    ("recipe export", "references"): NO_AUDIO,
    ("recipe replay", "file"): NO_AUDIO,
    ("recipe replay", "references"): "recipe replay",
    ("recipe replay", "out"): NO_AUDIO,
}
OTHER_DOORS = {"label reference", "[evaluation] listening_tests", "serve"}
"""A second place of a path, and what no command's path leads to."""
REFUSED = {
    "one hertz.wav": "1 Hz; resample it to 4000 to 768000 Hz",
    "65 channels.wav": "65 channels; give it 1 to 64 channels",
    "255 channels.wav": "255 channels; give it 1 to 64 channels",
    "a megahertz.flac": "1048575 Hz; resample it to 4000 to 768000 Hz",
    "4 gigahertz.wav": "no known audio format",
}
"""What every door says of those."""
HOURS = {
    *("a day of silence.flac", "hole.wav", "one frame.mp3", "one packet.m4a", "chained.ogg"),
}
MINUTES = {"a day of silence.flac", "hole.wav", "sparse.wav"}
"""They are within the limit of a day, which takes its time: once by each command is enough."""
LIMITS_MIN = {
    **dict.fromkeys((door for door in DOORS if door.startswith(("label", "compare", "gan"))), 10),
    **dict.fromkeys((door for door in DOORS if "listening" in door or door == "serve"), 30),
}
NEED_NUMBERS = {*LIMITS_MIN, "run", "catalog equalise"} - {"serve"}
PASSES_OVER = ("catalog equalise", "recipe replay")
"""They go on with other files."""
CAP_MB = 3_000
"""Of all processes together, as `docs/security.md` has it."""
CAP_S = 600.0


def commands(group: typer.Typer, before: str = "") -> typing.Iterator[tuple[str, typing.Any]]:
    for command in group.registered_commands:
        yield before + (command.name or command.callback.__name__), command.callback
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, f"{before}{inner.name} ")


def kinds(hint: typing.Any) -> typing.Iterator[typing.Any]:
    yield hint
    for inner in typing.get_args(hint):
        yield from kinds(inner)


def paths_of(group: typer.Typer) -> set[tuple[str, str]]:
    return {
        (name, parameter)
        for name, callback in commands(group)
        for parameter, hint in typing.get_type_hints(callback).items()
        if Path in kinds(hint)
    }


def test_every_path_that_a_command_takes_is_entered():
    assert paths_of(command_line()) == set(PATHS)
    assert {door for door in PATHS.values() if door} | OTHER_DOORS == set(DOORS)


def test_the_search_for_paths_finds_them():
    group, inner = typer.Typer(), typer.Typer()

    @inner.command("hear")
    def hear(n: int, files: list[Path] | None = None, name: str = "") -> None:
        pass

    group.add_typer(inner, name="deep")
    assert paths_of(group) == {("deep hear", "files")}


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bombs")
    for name, write in BOMBS.items():
        write(folder / name)
    return folder


@pytest.fixture(scope="module")
def world(bombs):
    folder = bombs.parent / f"{bombs.name} world"
    folder.mkdir()
    make_world(folder, bombs)
    return folder


def memory_mb(process: psutil.Process) -> float:
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        try:
            total += member.memory_info().rss / 1e6
        except psutil.Error:  # ended meanwhile
            continue
    return total


def ended_of(jobs, world, results) -> list[Ended]:
    """Hand jobs to a process of their own, which is ended when it takes too much of anything."""
    lines = "".join(f"{door}\t{bomb}\n" for door, bomb in jobs)
    environment = {
        **os.environ, "MUSQA_HOME": str(world / "home"), "MUSQA_MODEL": str(world / "tiny.onnx"),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.doors", str(world), str(results)],
        stdin=subprocess.PIPE, cwd=ROOT, env=environment, start_new_session=True, text=True,
    )  # fmt: skip
    process.stdin.write(lines)
    process.stdin.close()
    ended: list[Ended] = []
    began = time.monotonic()
    try:
        while process.poll() is None:
            done = results.read_text().splitlines() if results.exists() else []
            if len(done) > len(ended):
                ended = [Ended(**json.loads(line)) for line in done]
                began = time.monotonic()
            under_way = jobs[min(len(ended), len(jobs) - 1)]
            assert memory_mb(psutil.Process(process.pid)) < CAP_MB, under_way
            assert time.monotonic() - began < CAP_S, under_way
            time.sleep(0.1)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    ended = [Ended(**json.loads(line)) for line in results.read_text().splitlines()]
    assert [(found.door, found.bomb) for found in ended] == [(d, b.name) for d, b in jobs]
    return ended


def check(found: Ended) -> None:
    """One sentence, the documented exit code, no traceback."""
    codes = (0, 1, 3) if found.door.startswith("score") else (0, 1)
    assert found.code in codes, found
    assert not re.search(r"Traceback|Warning|report it", found.text), found
    assert found.peak_mb < CAP_MB, found
    if found.door == "recipe replay":
        assert "tracks are not among 1 audio files, by their samples" in found.text, found
    elif found.bomb in REFUSED:
        assert REFUSED[found.bomb] in found.text, found
        assert found.code == (0 if found.door in PASSES_OVER else 1), found
    if found.bomb in HOURS and found.door in LIMITS_MIN:
        assert f"the limit is {LIMITS_MIN[found.door]} min; cut it into parts" in found.text, found
        assert found.code == 1, found
    if found.bomb == "no numbers.wav" and found.door in NEED_NUMBERS:
        assert "NaN or infinite" in found.text, found


QUICK = ("one hertz.wav", "255 channels.wav")
HELD = ("[evaluation] listening_tests", "catalog equalise")


def test_all_doors_refuse_two_bombs_and_two_doors_all(bombs, world, tmp_path):
    heavy = {"sparse.wav", "wide.flac", "hole.mp3"}
    jobs = [(door, bombs / name) for door in DOORS for name in QUICK]
    jobs += [(d, bombs / name) for d in HELD for name in BOMBS if name not in {*QUICK, *heavy}]
    jobs += [(door, bombs / "a day of silence.flac") for door in LIMITS_MIN]
    for found in ended_of(jobs, world, tmp_path / "results"):
        check(found)
        assert found.peak_mb < CAP_MB / 2, found


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_takes_every_bomb(door, bombs, world, tmp_path):
    largest = ServeSettings().max_bytes if door == "serve" else SPARSE_BYTES
    left_out = MINUTES if door.endswith("--list") else set()
    jobs = [
        (door, bombs / n)
        for n in BOMBS
        if n not in left_out and (bombs / n).stat().st_size <= largest
    ]
    for found in ended_of(jobs, world, tmp_path / "results"):
        check(found)
