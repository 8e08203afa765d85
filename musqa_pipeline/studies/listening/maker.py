"""Writes a whole listening test: stimuli under blind names, webMUSHRA's configuration, the key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.core.csv_files import write_rows
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.files import explained
from musqa_pipeline.core.seeds import derive_generator, derive_seed
from musqa_pipeline.studies.listening.plan import PagePlan, repeated_pages
from musqa_pipeline.studies.listening.ratings import REFERENCE
from musqa_pipeline.studies.listening.settings import StimuliSettings
from musqa_pipeline.studies.listening.stimuli import Stimulus, make_page
from musqa_pipeline.studies.listening.webmushra import configuration, to_yaml

TRAINING_ID = "training"


@dataclass(frozen=True)
class WrittenTest:
    """Where a test was written, and what it holds."""

    config: Path
    key: Path
    n_pages: int
    """Scored pages, repeated ones included; the training page comes on top."""
    n_excerpts: int
    """Different excerpts that are scored, references not counted."""
    n_repeats: int
    """Excerpts among them that are presented twice."""
    n_files: int


def write_test(
    pages: Sequence[PagePlan],
    folder: Path,
    settings: StimuliSettings,
    log: Callable[[str], None] = lambda _: None,
) -> WrittenTest:
    """Make all stimuli of a test and write it down.

    Parameters
    ----------
    pages : sequence of PagePlan
        From `plan.plan_files` or `plan.read_plan`.
    folder : Path
        Made if need be. ``webmushra/`` in it is copied over an installation of webMUSHRA:
        configuration and 24-bit WAV files, both channels alike. ``key.csv`` says what each name
        is, ``pairs.csv`` which reference a scored excerpt has; both stay away from the server.
    settings : StimuliSettings
    log : callable
        Takes a line per recording.

    Raises
    ------
    SettingsError
        If a recording cannot be used, or a test of this name is there already.
    ToolError
        If ffmpeg is missing or fails.
    """
    audio = folder / "webmushra" / "configs" / "resources" / settings.test_id
    if audio.exists() and any(audio.iterdir()):
        raise SettingsError(
            f"{audio} holds files already; name another folder, or delete it if its ratings are "
            "not needed"
        )
    with explained("make", audio):
        audio.mkdir(parents=True, exist_ok=True)
    repeated = repeated_pages(pages, settings)
    key: list[dict[str, Any]] = []
    training: dict[str, Any] = {}
    scored: list[dict[str, Any]] = []
    for page in pages:
        log(f"{page.recording}: {page.duration_s:g} s, processes {_ids(page)}")
        stimuli = make_page(page, settings)
        for presentation in (1, 2) if page in repeated else (1,):
            trial = TRAINING_ID if page.training else f"page{len(scored) + 1:02d}"
            rows = [_key_row(page, stimulus, trial, presentation, settings) for stimulus in stimuli]
            for row, stimulus in zip(rows, stimuli, strict=True):
                _write_wav(audio / row["file"], stimulus)
            described = _page(trial, rows, settings)
            if page.training:
                training = described
            else:
                scored.append(described)
            key += rows
    if len({row["file"] for row in key}) != len(key):
        raise SettingsError("two blind names are equal; choose another seed")
    config = folder / "webmushra" / "configs" / f"{settings.test_id}.yaml"
    config.write_text(
        to_yaml(configuration(settings.test_id, settings.title, training, scored)), "utf-8"
    )
    write_rows(folder / "key.csv", key)
    write_rows(folder / "pairs.csv", _pairs(key, audio.relative_to(folder)))
    counted = [r for r in key if not r["training"] and r["condition"] != REFERENCE]
    return WrittenTest(
        config,
        folder / "key.csv",
        n_pages=len(scored),
        n_excerpts=sum(r["presentation"] == 1 for r in counted),
        n_repeats=sum(r["presentation"] == 2 for r in counted),
        n_files=len(key),
    )


def _key_row(
    page: PagePlan, stimulus: Stimulus, trial: str, presentation: int, settings: StimuliSettings
) -> dict[str, Any]:
    """Say what a blind name stands for; webMUSHRA itself calls the hidden reference so."""
    what = page.recording, stimulus.condition
    names = [_blind(settings, *what, number) for number in (presentation, 1)]
    is_reference = stimulus.condition == REFERENCE
    return {
        "trial": trial,
        "stimulus": REFERENCE if is_reference else names[0],
        "file": f"{names[0]}.wav",
        "excerpt": f"{names[1]}.wav",
        "recording": page.recording,
        "condition": stimulus.condition,
        "presentation": presentation,
        "training": "yes" if page.training else "",
        **stimulus.facts,
    }


def _blind(settings: StimuliSettings, *what: str | int) -> str:
    """Name a file by what tells listeners nothing; a letter first, so that it is never a number."""
    return f"s{derive_seed('listening', 'name', settings.seed, settings.test_id, *what):016x}"[:10]


def _pairs(key: Sequence[dict[str, Any]], audio: Path) -> list[dict[str, str]]:
    """List scored excerpts with their references, as `musqa label --pairs` reads them."""
    scored = [row for row in key if not row["training"] and row["presentation"] == 1]
    references = {row["trial"]: row["file"] for row in scored if row["condition"] == REFERENCE}
    return [
        {
            "reference": (audio / references[row["trial"]]).as_posix(),
            "degraded": (audio / row["file"]).as_posix(),
        }
        for row in scored
        if row["condition"] != REFERENCE
    ]


def _page(trial: str, rows: Sequence[dict[str, Any]], settings: StimuliSettings) -> dict[str, Any]:
    base = f"configs/resources/{settings.test_id}"
    shuffled = derive_generator("listening", "order", settings.seed, trial).permutation(len(rows))
    return {
        "id": trial,
        "reference": next(f"{base}/{r['file']}" for r in rows if r["condition"] == REFERENCE),
        "stimuli": {
            rows[i]["stimulus"]: f"{base}/{rows[i]['file']}"
            for i in shuffled.tolist()
            if rows[i]["condition"] != REFERENCE
        },
    }


def _write_wav(path: Path, stimulus: Stimulus) -> None:
    both = np.stack([stimulus.samples, stimulus.samples], axis=1)
    soundfile.write(path, both, SAMPLE_RATE_HZ, subtype="PCM_24")


def _ids(page: PagePlan) -> str:
    return " ".join(map(str, page.process_ids))
