"""What looking at a lake, writing a unit and asking for help cost, against an earlier commit.

    .venv/bin/python -m benchmarks.unit_way COMMIT FOLDER [--references 10000] [--tries 3]

The package of COMMIT is unpacked into FOLDER, and its commands and those of the checkout run in
turn. The lake is made up: real names and footers, rows as in `benchmarks.query_times`, everything
done. Prints the table of docs/lake.md: medians, in seconds of CPU of the command's process.
Requests are those that the server of `tests/storage/stores` counts; a write of a run is compared
with one that is not part of a run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks.query_times import ROWS_PER_UNIT, made_up
from musqa_pipeline.catalogs.identity import identified_files
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.home import Home, ObjectHome
from musqa_pipeline.core.tables import Table
from musqa_pipeline.operations.maintenance.compact import compact_lake
from musqa_pipeline.stages.degradations.plan import n_cascades_of
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.degradations.unit_names import unit_id_of
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import catalog_context, load_preset
from musqa_pipeline.stages.labels.stage import list_units
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.tracks.table import TRACKS
from musqa_pipeline.stages.tracks.verdict import USABLE

ROOT = Path(__file__).parents[1]
PRESET, CATALOG = "paper", "many"
HELP_TRIES = 9


def write_music(folder: Path, n_tracks: int) -> None:
    """Write files that a catalog lists; nobody decodes them."""
    folder.mkdir(parents=True)
    for number in range(n_tracks):
        (folder / f"{number:06d}.wav").write_text(f"{number}")


def fill(home: Home, music: Path, references: int) -> Context:
    """Write the units of the stages 1-4, all that the preset asks for."""
    preset = load_preset(PRESET)
    n_per_track = preset.excerpts.n_per_track
    write_music(music, -(-references // n_per_track))
    add_catalog(home, music, CATALOG)
    context = catalog_context(home, preset, CATALOG)
    numbers, excerpt_ids = itertools.count(), []
    for number, (unit_id, entry) in enumerate(identified_files(home, CATALOG)):
        track_id = f"{number:016x}"
        about = {"unit_id": unit_id, "file": entry.file, "track_id": track_id, "verdict": USABLE,
                 "duration_s": 10.0 * (n_per_track + 1)}  # fmt: skip
        write(context, "tracks", unit_id, TRACKS, number, 1, about)
        excerpt_ids += [f"{track_id}-{index}" for index in range(n_per_track)]
    for excerpt_id in excerpt_ids:
        about = {"excerpt_id": excerpt_id, "track_id": excerpt_id.rpartition("-")[0]}
        write(context, "excerpts", excerpt_id, EXCERPTS, next(numbers), 1, about)
    for excerpt_id, count in n_cascades_of(excerpt_ids, preset.degradations).items():
        unit_id, about = unit_id_of(excerpt_id, count), {"excerpt_id": excerpt_id}
        for stage, table in (("degradations", DEGRADATIONS), ("labels", LABELS)):
            write(context, stage, unit_id, table, next(numbers), ROWS_PER_UNIT, about)
    return context


def write(
    context: Context, stage: str, unit_id: str, table: Table, number: int, rows: int, about: Any
) -> None:
    """Write a unit of made-up rows that say what they are about."""
    made = [{**row, **about} for row in made_up(table, number, rows).to_pylist()]
    context.lake.write(context.partition(stage), unit_id, table.from_rows(made))


def unpack(commit: str, folder: Path) -> Path:
    """Unpack a commit's files."""
    packed = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def command(checkout: Path, *words: str, home: Home | None = None) -> tuple[float, str]:
    """Run `musqa` of a checkout; return seconds of CPU and what it said."""
    about = {**os.environ, "PYTHONPATH": str(checkout), "MUSQA_HOME": str(home or checkout / "no")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(
        [sys.executable, "-m", "musqa_pipeline.cli", *words],
        cwd=checkout, env=about, stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, said


def in_turn(checkouts: tuple[Path, Path], tries: int, work: Callable[[Path], float]) -> list[float]:
    """Return the median of each checkout; whatever else the machine does meets both."""
    rounds = [[work(checkout) for checkout in checkouts] for _ in range(tries)]
    return [statistics.median(of_one) for of_one in zip(*rounds, strict=True)]


def status_s(home: Home, references: int) -> Callable[[Path], float]:
    """Return a measurement of `musqa status` that also sees that all is done."""

    def work(checkout: Path) -> float:
        seconds, said = command(checkout, "status", "--preset", PRESET, "--json", home=home)
        done = {
            row["stage"]: (row["done"], row["missing"])
            for row in map(json.loads, said.splitlines())
        }
        assert done["labels"] == done["excerpts"] == (references, 0), done
        return seconds

    return work


@contextmanager
def storage() -> Iterator[str]:
    """Start the tests' object storage, and say where it is."""
    program = ROOT / "tests/storage/stores/server.py"
    with subprocess.Popen(
        [sys.executable, program, str(os.getpid())], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        _, port = map(int, starter.stdout.readline().split())
    url = f"http://127.0.0.1:{port}"
    os.environ |= {"MUSQA_S3_ENDPOINT": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/lake", method="PUT")).close()
    yield url  # the server ends with this process


def counted(url: str, work: Callable[[], object]) -> int:
    """Return how many requests some work sends."""
    rule = {"kind": "none", "match": ".", "times": 10**9, "skip": 0, "fired": 0}
    rule["methods"] = ["GET", "HEAD", "PUT", "POST", "DELETE"]
    urllib.request.urlopen(f"{url}/__faults", json.dumps([rule]).encode()).close()
    work()
    with urllib.request.urlopen(f"{url}/__faults") as answer:
        return int(json.loads(answer.read())[0]["fired"])


def requests(folder: Path, checkouts: tuple[Path, Path], references: int) -> Iterator[list[Any]]:
    """Count the requests of `musqa status` and of writes, a thousand references or units."""
    os.environ["MUSQA_SCRATCH"] = str(folder / "scratch")
    with storage() as url:
        home = ObjectHome("lake", "home")
        context = fill(home, folder / "remote-music", references)
        looked = [
            counted(url, lambda c=checkout: status_s(home, references)(c)) for checkout in checkouts
        ]
        yield ["requests of `musqa status`", *(1000 * n / references for n in looked)]
        lake, partition, table = (
            context.lake,
            context.partition("labels"),
            LABELS.schema.empty_table(),
        )

        def write_all(folder: str | None) -> None:
            for number in range(references):
                lake.write(partition, f"new-{number}", table, folder=folder)

        alone = counted(url, lambda: write_all(None))
        in_run = counted(url, lambda: write_all(lake.make_room(partition, ["new"])))
        yield [
            "requests of writes, alone and in a run",
            *(1000 * n / references for n in (alone, in_run)),
        ]
        units = list_units(context)

        def read_all(context: Context) -> None:
            for unit in units:
                context.lake.read(context.partition("excerpts"), unit.what, ["flac"])
                context.lake.read(context.partition("degradations"), unit.unit_id)

        looked = [
            counted(url, lambda c=c: read_all(c)) for c in (context, replace(context, manifests={}))
        ]
        yield [
            "requests for the inputs of labels, alone and in a run",
            *(1000 * n / references for n in looked),
        ]


def main() -> None:
    """Measure everything and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--references", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--tries", type=int, default=3, help="of `musqa status`")
    options = parser.parse_args()
    folder = options.folder.absolute()
    checkouts = (unpack(options.commit, folder / "before"), ROOT)
    print("| | before | now | ratio |\n| --- | ---: | ---: | ---: |")

    def tell(what: str, before: float, now: float, form: str) -> None:
        print(f"| {what} | {before:{form}} | {now:{form}} | {now / before:.2f} |", flush=True)

    help_s = in_turn(checkouts, HELP_TRIES, lambda c: command(c, "score", "--help")[0])
    tell("`musqa score --help`", *help_s, ".2f")
    for what, before, now in requests(folder, checkouts, options.requests):
        tell(f"{what}, a thousand", before, now, ",.0f")
    home, n = folder / "home", options.references
    fill(home, folder / "music", n)
    for state in ("loose", "packed"):
        if state == "packed":
            compact_lake(home)
        seconds = in_turn(checkouts, options.tries, status_s(home, n))
        tell(f"`musqa status`, {n:,} references, {state}", *seconds, ".1f")


if __name__ == "__main__":
    main()
