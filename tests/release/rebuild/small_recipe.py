"""A recipe of one untouched reference, made by hand in milliseconds, with the reference itself."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.core.seal_format import digest_of
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.release.rebuild.checking import RECIPE
from musqa_pipeline.release.rebuild.file import FORMAT, HEAD_KEY, reference_hash
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.plan import plan_reference

CATALOG, EXCERPT = "openmusic", "0123456789abcdef-0"
HEAD = {
    "preset": "p", "settings": {"excerpts": {"target_lufs": -23.0}}, "fingerprints": {},
    "builds": {}, "format": FORMAT,
}  # fmt: skip


def reference():
    """10 s of noise with its tail, 16 bit."""
    rng = derive_generator("tests", "recipe")
    return (rng.standard_normal(EXCERPT_SAMPLES + TAIL_SAMPLES) * 3000).astype(np.int16)


def write_reference(folder):
    """Put the reference into a folder, as `musqa recipe export --references` does."""
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "a.flac", reference(), SAMPLE_RATE_HZ, subtype="PCM_16")
    return folder


def good_row(pcm=None):
    """The one row of the recipe: the reference as it is."""
    pcm = reference() if pcm is None else pcm
    settings = DegradationsSettings(include_reference=True, singles=(), n_cascades=0)
    (planned,) = plan_reference(EXCERPT, 0, settings)
    (made,) = degrade_reference([planned], pcm.astype(np.float32) / np.float32(32768.0))
    of_kind = {c.name: "" if pa.types.is_string(c.type) else 0 for c in RECIPE.columns}
    empty = of_kind | {c.name: None for c in RECIPE.columns if c.nullable}
    row = empty | {
        **planned, "catalog": CATALOG, "track_id": EXCERPT[:16], "part": "train", "mos": 4.5,
        "quality": 0.875, "metric": "visqol-v3 3.8.1", "encoder": made["encoder"],
        "bitstream_hash": digest_of(made["bitstream"]), "pcm_hash": made["pcm_hash"],
        "reference_hash": reference_hash(pcm), "track_file": "a.flac",
        "track_pcm_hash": "0" * 32, "track_duration_s": 60.0, "track_sample_rate_hz": 48_000,
        "track_channels": 2,
    }  # fmt: skip
    return {name: row[name] for name in RECIPE.schema.names} | {
        name: bool(row[name]) for name in ("uniform_draw", "natural_mix", "trusted", "in_pool")
    }


def table_of(rows, types=None):
    """Rows as a table with the types of a recipe, but for the columns that `types` names."""
    types = {f.name: f.type for f in RECIPE.schema} | (types or {})
    names = [name for name in RECIPE.schema.names if any(name in row for row in rows)]
    return pa.table({n: pa.array([r.get(n) for r in rows], types[n]) for n in names})


def write_recipe_of(path, rows, head=HEAD, types=None):
    """Write any recipe: `head` as JSON, or bytes as they are."""
    said = head if isinstance(head, bytes) else json.dumps(head).encode()
    table = table_of(rows, types) if isinstance(rows, list) else rows
    pq.write_table(table.replace_schema_metadata({HEAD_KEY: said}), path)
    return path
