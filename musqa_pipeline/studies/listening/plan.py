"""What a listening test plays, before anything is made: recordings, places, processes, pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musqa_pipeline.audio.degradations.codecs import Codec
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES
from musqa_pipeline.core.csv_files import named_file, number, read_rows, require_columns, yes_or_no
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.studies.listening.settings import StimuliSettings, require_duration


@dataclass(frozen=True)
class PagePlan:
    """One page of the test: a recording with all its versions."""

    file: Path
    recording: str
    """Name of the file, without its ending."""
    start_s: float | None
    """Where the excerpt starts; None: a place is sought when the recording is read."""
    duration_s: float
    process_ids: tuple[int, ...]
    training: bool
    """Whether it is the page on which listeners learn the scale; it is not scored."""


def plan_files(files: Sequence[Path], settings: StimuliSettings) -> list[PagePlan]:
    """Plan a test of two reference recordings or more; the first one is for training.

    Raises
    ------
    SettingsError
        With fewer than two recordings, two of one name or an unknown process.
    """
    pages = []
    for i, path in enumerate(files):
        drawn = draw_processes(settings, path.stem)
        pages.append(PagePlan(path, path.stem, None, settings.duration_s, drawn, training=i == 0))
    return _checked(pages)


def read_plan(path: Path, settings: StimuliSettings) -> list[PagePlan]:
    """Read a plan that was written down.

    Parameters
    ----------
    path : Path
        A CSV file with the column ``file`` (relative to its folder) and, where they are wanted,
        ``start_s``, ``duration_s``, ``processes`` (numbers of the process table with spaces
        between) and ``training`` (yes for one line; else the first).
    settings : StimuliSettings
        For what the plan leaves open.

    Returns
    -------
    list of PagePlan

    Raises
    ------
    SettingsError
        If the file cannot be used; the text says why.
    """
    header, rows = read_rows(path)
    require_columns(path, header, ["file"])
    pages = []
    for row in rows:
        if not row["file"]:
            raise SettingsError(f"{path}: a line names no file; each needs one")
        file = named_file(path, row["file"])
        duration_s = number(path, row, "duration_s") if row.get("duration_s") else None
        if duration_s is not None:
            require_duration(duration_s, f"{path}: duration_s of {row['file']}")
        start_s = number(path, row, "start_s") if row.get("start_s") else None
        if start_s is not None and start_s < 0:
            raise SettingsError(f"{path}: start_s={start_s} of {row['file']}: expected 0 or more")
        ids = _listed(path, row["processes"]) if row.get("processes") else None
        ids = ids or draw_processes(settings, file.stem)
        training = bool(yes_or_no(path, row, "training"))
        pages.append(
            PagePlan(file, file.stem, start_s, duration_s or settings.duration_s, ids, training)
        )
    if not any(page.training for page in pages):
        pages[0] = replace(pages[0], training=True)
    return _checked(pages)


def draw_processes(settings: StimuliSettings, recording: str) -> tuple[int, ...]:
    """Draw the processes of a recording, one of each part of the list, from the worst part up."""
    ids = settings.process_ids or codecs_by_bitrate()
    rng = derive_generator("listening", "processes", settings.seed, recording)
    parts = np.array_split(np.array(ids), settings.n_processes)
    return tuple(int(rng.choice(part)) for part in parts)


def codecs_by_bitrate() -> tuple[int, ...]:
    """Return the numbers of the codecs of table I from the lowest bitrate to the highest."""
    coded = [p for p in PROCESSES.values() if isinstance(DEGRADATIONS[p.name], Codec)]
    ordered = sorted(coded, key=lambda p: (p.bitrate_kbps or 0.0, p.process_id))
    return tuple(p.process_id for p in ordered)


def repeated_pages(pages: Sequence[PagePlan], settings: StimuliSettings) -> list[PagePlan]:
    """Draw the recordings that are presented twice from those that are not for training.

    `SettingsError` if there are fewer than are wanted.
    """
    scored = [page for page in pages if not page.training]
    if len(scored) < settings.n_repeated_pages:
        raise SettingsError(
            f"n_repeated_pages={settings.n_repeated_pages}: there are {len(scored)} recordings "
            "beside the training page; add recordings or repeat fewer"
        )
    rng = derive_generator("listening", "repeats", settings.seed, settings.test_id)
    chosen = rng.permutation(len(scored))[: settings.n_repeated_pages]
    return [scored[i] for i in sorted(chosen.tolist())]


def _listed(path: Path, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        raise SettingsError(
            f"{path}: processes={text!r}: expected numbers of the process table with spaces "
            "between, such as 3 17 29"
        ) from None


def _checked(pages: list[PagePlan]) -> list[PagePlan]:
    names = [page.recording for page in pages]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"two recordings are called {twice[0]!r}; give each file its own name")
    if sum(not page.training for page in pages) < 1:
        raise SettingsError(
            f"{len(pages)} recordings: expected two or more, one of them for training"
        )
    if sum(page.training for page in pages) > 1:
        raise SettingsError("two recordings are for training; mark one")
    for page in pages:
        unknown = [i for i in page.process_ids if i not in PROCESSES]
        if unknown:
            raise SettingsError(
                f"process {unknown[0]} of {page.recording} is unknown; expected "
                f"{min(PROCESSES)} to {max(PROCESSES)}"
            )
        if not 1 <= len(set(page.process_ids)) == len(page.process_ids) <= 9:
            raise SettingsError(
                f"processes of {page.recording}: expected 1 to 9 different ones, so that a page "
                "holds 12 conditions at most"
            )
    return pages
