"""A small published set on a lake of its own: codecs, filters, cascades, random rows, an effect."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import soundfile

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.files.flac import reference_audio
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.preset import load_preset
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.random_rows import process_of
from musqa_pipeline.stages.degradations.table import DEGRADATIONS, RANDOM
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import catalog_context, get_stage, joint_context
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.views.duck import publish

CATALOG = "tiny"
LICENCES = ("CC-BY-4.0", "CC0-1.0", "CC-BY-ND-4.0", "")
"""Of the four tracks; the last two may not be passed on."""
PRESET = """
catalogs = ["tiny"]
[degradations]
singles = [9, 33, 42]
n_cascades = 1
n_random = 1
include_reference = true
[dataset]
size = 30
n_bins = 2
natural_rows = 8
"""
EFFECT = ("white_noise", {"snr_db": 20.0, "seed": 7})


@dataclass(frozen=True)
class PublishedSet:
    """Where it is."""

    home: Path
    music: Path
    preset: Path

    @property
    def context(self) -> Context:
        """Of the joint stages."""
        return joint_context(self.home, load_preset(self.preset))


def pulses(number: int) -> np.ndarray:
    """11 s of full-band noise in pulses over a chord: float32 (samples, 2)."""
    rng = derive_generator("tests", "pulses", number)
    time_s = np.arange(11 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    decay = np.exp(-6 * (time_s % 0.5))[:, None]
    chord = sum(np.sin(2 * np.pi * f * time_s) for f in rng.uniform(100, 2_000, 4))
    noise = rng.standard_normal((len(time_s), 2), np.float32)
    return (0.02 * chord[:, None] + 0.08 * decay * noise).astype(np.float32)


def make_published_set(folder: Path) -> PublishedSet:
    """Run the stages 1-3 on four short pieces, label by hand, draw and publish."""
    music = folder / "music"
    music.mkdir()
    lines = ["file,recording,genre,role,tier,licence,title,artist"]
    for number, licence in enumerate(LICENCES):
        name, role = f"piece {number}.flac", "train" if number % 3 else "test"
        soundfile.write(music / name, pulses(number), SAMPLE_RATE_HZ, subtype="PCM_16")
        line = f"{name},song {number},noises,{role},made,{licence},Piece {number},Nobody {number}"
        lines.append(line)
    (music / "tracks.csv").write_text("\n".join(lines) + "\n")
    home, preset_file = folder / "home", folder / "small.toml"
    preset_file.write_text(PRESET)
    preset = load_preset(preset_file)
    add_catalog(home, music, CATALOG)
    context = catalog_context(home, preset, CATALOG)
    for stage in ("tracks", "excerpts", "degradations"):
        run_stage(get_stage(stage), context, log=lambda line: None)
    write_effect_unit(context)
    write_labels(context)
    joint = joint_context(home, preset)
    for stage in ("splits", "dataset"):
        run_stage(get_stage(stage), joint, log=lambda line: None)
    publish(joint, ["splits", "dataset"])
    return PublishedSet(home, music, preset_file)


def write_effect_unit(context: Context) -> None:
    """Add a row with an effect to the first reference, in a unit like those of later rounds."""
    excerpt_id = context.lake.done(context.partition("excerpts"))[0]
    flac = context.lake.read(context.partition("excerpts"), excerpt_id, ["flac"])["flac"][0].as_py()
    name, params = EFFECT
    process = process_of(name, json.dumps(params))
    row = {
        "degraded_id": f"{excerpt_id}-r99", "excerpt_id": excerpt_id, "process": "r99",
        "kind": RANDOM, "depth": 1, "in_pool": True,
    }  # fmt: skip
    for place in ("first", "last"):
        row |= {f"{place}_id": process.process_id, f"{place}_name": name,
                f"{place}_bitrate_kbps": None, f"{place}_cutoff_hz": None,
                f"{place}_params": json.dumps(params)}  # fmt: skip
    made = degrade_reference([row], reference_audio(flac))
    table = DEGRADATIONS.from_rows(made)
    context.lake.write(
        context.partition("degradations"), f"{excerpt_id}-n1r1-effect", table, compression="none"
    )


def write_labels(context: Context) -> None:
    """Label every row by chance: the set is what is tested, not the metric."""
    for unit in context.lake.done(context.partition("degradations")):
        made = context.lake.read(
            context.partition("degradations"), unit, ["degraded_id", "excerpt_id"]
        )
        rows = []
        for row in made.to_pylist():
            mos = 1.0 + 3.5 * derive_generator("tests", row["degraded_id"]).random()
            rows.append({
                **row, "metric": "visqol-v3 3.8.1", "mos": mos, "quality": (mos - 1) / 4,
                "vnsim": 0.5, "fvnsim": [0.5] * 32, "lag_samples": 0,
            })  # fmt: skip
        context.lake.write(context.partition("labels"), unit, LABELS.from_rows(rows))


def bitstreams(context: Context) -> dict[str, tuple[bytes, str]]:
    """Bitstream and hash of the samples of every row, by id."""
    table = context.lake.scan(context.partition("degradations", CATALOG), DEGRADATIONS.schema)
    return by_id(table)


def by_id(table: pa.Table) -> dict[str, tuple[bytes, str]]:
    """The same of any table of degraded excerpts."""
    rows = table.select(["degraded_id", "bitstream", "pcm_hash"]).to_pylist()
    return {row["degraded_id"]: (row["bitstream"], row["pcm_hash"]) for row in rows}
