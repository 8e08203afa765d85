"""The scan of a library: list, measure what is not known, compare, write the pages."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musqa_pipeline.audio.files.listing import list_library
from musqa_pipeline.core.errors import LakeError, LockedError, SettingsError
from musqa_pipeline.core.files import exclusive_lock
from musqa_pipeline.core.foreign_text import path_text
from musqa_pipeline.core.workers.interface import Fanout, Lost, limits_from_environment
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.scoring.model_file import load_model
from musqa_pipeline.scoring.scan.changes import changes_since
from musqa_pipeline.scoring.scan.copies import find_groups
from musqa_pipeline.scoring.scan.damage import DamagedStoreError, set_aside, trusted
from musqa_pipeline.scoring.scan.measure import Done, ScanSettings, Task, work
from musqa_pipeline.scoring.scan.page import write_csv, write_page
from musqa_pipeline.scoring.scan.rows import ScanTable
from musqa_pipeline.scoring.scan.store import FILE, Scan, ScanStore

LOCK = ".scan.lock"
CSV_FILE, PAGE_FILE = "scan.csv", "scan.html"
EXCERPTS_TIME_S, FULL_TIME_S = 600.0, 7_200.0
"""A file that takes longer hangs: minutes of decoding for what cannot seek, or a day of audio."""


Observer = Callable[[int, int, int], object]
"""Told the numbers of files: all, done (scored before or now, or refused), unreadable."""


@dataclass(frozen=True)
class ScanReport:
    """What a scan found, and where it is written."""

    csv: Path
    page: Path
    summary: dict[str, Any]


def scan_library(
    library: Path,
    out: Path,
    settings: ScanSettings,
    *,
    model: Path,
    fanout: Fanout | None = None,
    observer: Observer = lambda *numbers: None,
    say: Callable[[str], object] = lambda line: None,
) -> ScanReport:
    """Scan a library, or go on with a scan that was stopped.

    Parameters
    ----------
    library, out : Path
        A folder, and that of the results, which is made if needed.
    settings : ScanSettings
        How much of each recording is heard.
    model : Path
        The model file.
    fanout : Fanout, optional
        Where files are measured; `worker_pool` when left out.
    observer, say : callable
        Told after each file; takes a line for the user.

    Returns
    -------
    ScanReport
        Written whole: a scan that is stopped leaves the pages of the one before.

    Raises
    ------
    SettingsError
        If the library is no folder.
    LakeError
        If `out` cannot be written, or another scan writes there.
    ModelError
        If the model cannot be used.
    """
    if not library.is_dir():
        raise SettingsError(f"{library} is no folder; name the folder of a music library")
    loaded = load_model(model)
    setting = settings.key(loaded.digest)
    root = str(library.resolve())

    def scan() -> ScanReport:
        with contextlib.closing(ScanStore(out)) as store:
            current, previous = store.begin(path_text(root), setting, loaded.label)
            store.list_files(current.number, list_library(Path(root), out))
            if previous is not None:
                store.reuse(current.number, previous.number, setting)
            tasks = (
                Task(root, path, str(out.resolve()), str(model), settings, setting)
                for path in store.waiting(current.number)
            )
            pool = fanout or worker_pool(full=settings.full)
            _measure(store, current, pool.map(work, tasks), observer)
            return _report(store, current, previous, out, Path(root))

    with contextlib.ExitStack() as stack:
        _check_writable(out)
        try:
            stack.enter_context(exclusive_lock(out / LOCK, wait=False))
        except LockedError as error:
            raise LakeError(
                f"another scan writes to {out}; wait for it to end, or name another folder "
                "with --out"
            ) from error

        try:
            return scan()
        except DamagedStoreError as error:
            aside = set_aside(out / FILE)
            say(f"{error}: it is kept as {aside.name}, and every file is scanned anew")
        return scan()


def worker_pool(n_workers: int | None = None, *, full: bool = False) -> LocalPool:
    """Return worker processes, one a core by default, that no file of a library can end."""
    limits = limits_from_environment()
    if "MUSQA_UNIT_TIMEOUT_S" not in os.environ:
        limits = replace(limits, time_s=FULL_TIME_S if full else EXCERPTS_TIME_S)
    return LocalPool(n_workers, limits, most_losses=None)


def _measure(
    store: ScanStore,
    scan: Scan,
    answers: Iterator[Done | Lost[Task]],
    observer: Observer,
) -> None:
    counts = store.count(scan.number)
    done, refused = counts["scored"] + counts["unreadable"], counts["unreadable"]
    observer(counts["files"], done, refused)
    try:
        for answer in answers:
            if isinstance(answer, Lost):
                answer = Done(answer.task.path, f"crashed: {answer.reason}", refused=True)
            if answer.refused:
                refused += 1
                store.refuse(scan.number, answer.path, str(answer.found))
            else:
                store.save(scan.number, scan.setting, answer.path, answer.found)
            done += 1
            observer(counts["files"], done, refused)
    finally:
        if isinstance(answers, Generator):  # Ctrl-C ends the workers before the store is closed
            answers.close()


def _report(
    store: ScanStore, current: Scan, previous: Scan | None, out: Path, library: Path
) -> ScanReport:
    with trusted(store.path):
        groups = find_groups(store, current)
        changes = changes_since(store, current, previous)
        table = ScanTable(store, current, groups, changes)
        summary = table.summary()
        write_csv(out / CSV_FILE, table)
        write_page(out / PAGE_FILE, table, summary, path_text(library.name or library), library)
    store.finish(current.number, previous, summary)
    return ScanReport(out / CSV_FILE, out / PAGE_FILE, summary)


def _check_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        writable = os.access(out, os.W_OK | os.X_OK)
    except OSError as error:
        raise LakeError(
            f"cannot make {out}: {error.strerror or error}; name a folder that you can write "
            "with --out"
        ) from error
    if not writable:
        raise LakeError(
            f"cannot write to {out}: permission is denied; name a folder that you can write "
            "with --out"
        )
