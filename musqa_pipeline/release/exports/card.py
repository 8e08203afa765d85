"""The dataset card: what an export is, whose it is, how it was made and what it cannot do.

All numbers and names come from the tables; the sentences around them are here. The head is YAML as
Hugging Face reads it, written as JSON, which YAML contains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.core.foreign_text import front_matter, markdown_table, markdown_text, printable
from musqa_pipeline.release.exports.kinds import Format
from musqa_pipeline.release.exports.plan import (
    EXPORTED,
    FILE_A_ROW,
    SYNTHESISED,
    Options,
    kept_back,
)
from musqa_pipeline.release.model.attribution import origins_of
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.views.published_set import Published

_HUB_NAMES = {
    "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "mit", "apache-2.0",
}  # fmt: skip
"""Licences by the names that Hugging Face knows; all else is ``other``."""
_PROTOCOLS = {
    "three_way": "three parts by group of recordings: test recordings by the catalog's own roles "
    "where it names any, else by a hash of artist or recording; validation out of the rest",
    "paper_two_way": "76 % of recordings train, 24 % validate, as in paper 001",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))


def dataset_card(published: Published, options: Options, rows: pl.DataFrame, mark: str) -> str:
    """Write the card."""
    name = published.context.preset.name
    audible = rows.filter("passed_on")
    sections = [
        _head(name, options, audible),
        f"# {markdown_text(name)}: degraded music with labels of quality",
        "10 s excerpts of music, mono at 48 kHz, degraded by lossy codecs, low-passes and their "
        "cascades, each with the score of a full-reference metric. Made by musqa "
        f"{tool_version('musqa-pipeline')}.",
        "## Rows",
        _counts(rows),
        "## Files",
        _files(options),
        "## Columns",
        markdown_table("column | type | meaning", [
            (f"`{c.name}`", c.type, markdown_text(c.doc)) for c in EXPORTED.columns
        ]),
        "## Splits",
        f"Protocol `{published.context.preset.dataset.protocol}`: "
        f"{_PROTOCOLS[published.context.preset.dataset.protocol]}. A `split_group` joins what "
        "shares a recording, an artist or samples, and is never divided. Rows with `uniform_draw` "
        "were drawn so that quality is uniform; rows with `natural_mix` are as the pool has them; "
        "rows that are not `trusted` come from doubtful originals and should not be trained on.",
        "## Labels",
        _labels(published, rows),
        "## Terms",
        _terms(published, rows, audible),
        "## Limits",
        "The labels are a model's opinion, not people's: they inherit what the metric does not "
        "hear, and its highest scores differ from metric to metric. Excerpts are mono, of 10 s, "
        "and of the music listed here; codecs and their versions are those listed here. Rows of "
        "one reference are not independent: average, split and draw by recording.",
        "## Made again",
        f"Export {mark} of the set with the fingerprints "
        + ", ".join(f"{stage} {published.context.fingerprints[stage][:12]}"
                    for stage in ("excerpts", "degradations", "labels", "dataset"))
        + f". {_code(f'musqa recipe export {name} FILE')} writes what rebuilds it bit for bit from "
        "the recordings. `checksums.sha256` is for `sha256sum -c`.",
        "## Citation",
        "A. Kasperuk and S. K. Zieliński, Non-intrusive method for audio quality assessment of "
        "lossy-compressed music recordings using convolutional neural networks, 2023 (the design "
        "of the set). M. Chinen et al., ViSQOL v3: an open source production ready objective "
        "speech and audio metric, QoMEX 2020 (the labels). And the recordings above.",
    ]  # fmt: skip
    return "\n\n".join(sections) + "\n"


def _head(name: str, options: Options, audible: pl.DataFrame) -> str:
    """Write the YAML head."""
    terms = audible["terms"].unique().sort().to_list()
    plain = {re.sub(r"\s*\(.*?\)", "", t).lower() for t in terms if t != SYNTHESISED}
    hub = {name if name in _HUB_NAMES else "other" for name in plain}
    size = next((words for n, words in _SIZES if audible.height < n), "n>1M")
    facts: dict[str, Any] = {
        "pretty_name": f"musqa {name}",
        "license": sorted(hub) or ["other"],
    }
    if "other" in facts["license"]:
        facts["license_name"] = ", ".join(sorted(plain - _HUB_NAMES)) or "see Terms"
        facts["license_link"] = "README.md"
    facts |= {
        "task_categories": ["audio-classification"],
        "tags": ["audio", "music", "audio-quality", "codec", "regression"],
        "size_categories": [size],
        "annotations_creators": ["machine-generated"],
    }
    there = [part for part in PARTS if part in set(audible["split"])]
    if options.format in (Format.huggingface, Format.parquet):  # the Hub finds others by folders
        facts["configs"] = [_config("default", "data/{}-*.parquet", there)]
        if options.with_references:
            facts["configs"].append(_config("references", "references/{}-*.parquet", there))
    return front_matter(facts)


def _config(name: str, files: str, parts: Sequence[str]) -> dict[str, Any]:
    listed = [{"split": part, "path": files.format(part)} for part in parts]
    return {"config_name": name, "data_files": listed}


def _counts(rows: pl.DataFrame) -> str:
    lines = []
    for part in [*PARTS, "all"]:
        of = rows if part == "all" else rows.filter(pl.col("split") == part)
        if of.height:
            lowest, mean, highest = of.select(
                pl.min("mos"), pl.mean("mos").alias("mean"), pl.max("mos").alias("max")
            ).row(0)
            lines.append((
                part, of.height, int(of["passed_on"].sum()), of["reference_key"].n_unique(),
                of.select("catalog", "recording").n_unique(), f"{mean:.2f}",
                f"{lowest:.2f} to {highest:.2f}",
            ))  # fmt: skip
    heads = "split | rows | with audio | references | recordings | mean MOS | range of MOS"
    return markdown_table(heads, lines)


def _files(options: Options) -> str:
    level = (
        "Samples are those that were labelled, at about -23 LUFS, float32 and exact. Some pass "
        "full scale (`n_over_full_scale`): play them through something that can, or lower them."
    )
    if options.format == Format.flac:
        level = (
            "Samples are 24-bit integers. Rows that pass full scale were halved until they fit; "
            "`file_gain_db` says what brings them back to the level that was labelled, 0 for all "
            "others."
        )
    where = {
        Format.wav: "A WAV file (IEEE float) a row below the name of its split; `file_name` in "
        "`metadata.csv`.",
        Format.flac: "A FLAC file a row below the name of its split; `file_name` in "
        "`metadata.csv`.",
        Format.parquet: "Parquet files in `data/`: the columns below and `samples`, a list of "
        "480,000 float32 numbers.",
        Format.webdataset: "Tar shards: `KEY.json` with the columns below and `KEY.wav` (IEEE "
        "float). Rows are mixed over the shards of a split.",
        Format.huggingface: "Parquet files in `data/`: the columns below and `audio`, a WAV file "
        "(IEEE float). `load_dataset` reads this folder.",
    }[options.format]
    references = ""
    if options.with_references:
        references = " References are 16 bit and untouched: " + {
            Format.webdataset: "`KEY.reference.flac` beside each row.",
            Format.parquet: "`samples` in `references/`, by `reference_key`.",
            Format.huggingface: "`audio` in `references/`, by `reference_key`.",
        }.get(options.format, f"`references/REFERENCE_KEY.{options.format}`.")
    beside = "" if options.format in FILE_A_ROW else " `metadata.csv` repeats the columns."
    return f"{where}{beside}{references}\n\n{level}"


def _labels(published: Published, rows: pl.DataFrame) -> str:
    metrics = rows.group_by("metric").len().sort("metric").rows()
    said = "; ".join(f"{_code(metric)} ({n} rows)" for metric, n in metrics)
    encoders = rows.group_by("encoder").agg(pl.len(), pl.col("last_name").unique().sort())
    lines = [(_code(encoder), markdown_text(", ".join(names)), n)
             for encoder, n, names in encoders.sort("encoder").rows()]  # fmt: skip
    versions = ""
    if published.is_current:
        tools = ("imageio-ffmpeg", "soxr", "pyloudnorm", "scipy", "visqol-python")
        versions = " Made with " + ", ".join(f"{t} {tool_version(t)}" for t in tools) + "."
    return (
        "Each excerpt was brought to one loudness, compared with its untouched reference, and "
        f"scored by {said}.{versions} The bitstreams are of\n\n"
        + markdown_table("encoder | last process | rows", lines)
    )


def _terms(published: Published, rows: pl.DataFrame, audible: pl.DataFrame) -> str:
    lines = []
    by = ["catalog", "track_file", "title", "artist", "terms", "split"]
    for row in audible.group_by(by).len("n").sort("catalog", "track_file").to_dicts():
        origin = _origins(published, row["catalog"]).get(row["track_file"], "")
        lines.append(map(markdown_text, (
            row["title"] or row["track_file"], row["artist"] or "unknown", row["terms"],
            origin or row["track_file"], row["split"], row["n"],
        )))  # fmt: skip
    text = (
        "Every recording keeps its own terms. What was changed: 10 s cut out, mixed to mono, "
        "brought to one loudness, and degraded as the columns say. Share-alike terms bind the "
        "excerpts of their recordings.\n\n"
        + markdown_table("recording | by | terms | from | split | rows", lines)
    )
    kept = kept_back(rows)
    if kept.height:
        text += (
            "\n\nThe audio of these was kept back, because their terms do not let just anyone pass "
            "on changed copies; their labels and plans are in `without_audio.csv`.\n\n"
            + markdown_table(
                "terms | recordings | rows",
                [(markdown_text(terms), *counts) for terms, *counts in kept.rows()],
            )
        )
    return text


def _origins(published: Published, catalog: str) -> dict[str, str]:
    try:
        return origins_of(published.context, catalog)
    except CatalogError:  # it was removed since; its tables are still there
        return {}


def _code(text: str) -> str:
    return f"`{printable(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
