"""Write docs/results.md and docs/results/ from a finished run.

``python docs/scripts/write_results.py --preset docs/results/paper250.toml --timings timings.jsonl``

Everything but the timings comes from the lake below `MUSQA_HOME`. The timings are the lines that
``musqa run --json`` printed, of the runs that made the stages (a stage may stand in several).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import polars as pl
from page_sections import DOCS, write_sections

from musqa_pipeline.core.home import home_folder
from musqa_pipeline.stages.dataset.pictures import plot_report
from musqa_pipeline.stages.dataset.report import describe_dataset
from musqa_pipeline.stages.engine.catalog_choice import chosen_catalogs
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.graph import catalog_context, joint_context, load_preset
from musqa_pipeline.stages.labels.consistency import LabelRows, describe_labels, read_rows
from musqa_pipeline.stages.labels.consistency_pictures import plot_label_sense
from musqa_pipeline.stages.labels.pictures import curves_of, plot_curves
from musqa_pipeline.stages.rows import CATALOG_STAGES, JOINT_STAGES
from musqa_pipeline.stages.views.duck import query

LARGEST_CSV_ROWS = 20_000
SMALL_STEP_MOS = 0.02
"""A better bitrate that is worth no more than this is listed as hardly told apart."""
ORIGIN = "CASE WHEN t.tier = 'synthesised' THEN 'synthesised' ELSE 'real' END"


def main() -> None:
    """Write the page, its tables and its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--timings", type=Path, required=True)
    arguments = parser.parse_args()
    preset = load_preset(arguments.preset)
    home, name = home_folder(), preset.name
    joint = joint_context(home, preset)
    (catalog,) = chosen_catalogs(home, preset)
    place = catalog_context(home, preset, catalog)
    write_tracks(joint)
    sense_sections = write_label_sense(joint, read_rows(place))
    report = describe_dataset(joint)
    (DOCS / "pictures" / f"{name}_draw.png").write_bytes(plot_report(report))
    timings = read_timings(arguments.timings)
    timings.write_csv(DOCS / "results" / f"{name}_timings.csv")
    labels = labels_of(joint)
    if len(labels) > LARGEST_CSV_ROWS:
        labels.write_parquet(DOCS / "results" / f"{name}_labels.parquet", compression_level=19)
    else:
        labels.write_csv(DOCS / "results" / f"{name}_labels.csv", float_precision=4)
    sections = {
        "rows": counts_table(joint),
        "uniformity": uniformity_table(report.as_dict()),
        "timings": markdown(timings),
        "disk": disk_table(home, joint),
        **sense_sections,
    }
    page = DOCS / "results.md"
    named = {f"{name}:{key}": table for key, table in sections.items()}
    write_sections(page, named, if_there=True)
    print(f"wrote {page} and {name}_*.csv; {report.sentence()}")


def view(context: Context, name: str, columns: str, rest: str = "") -> pl.DataFrame:
    """Query one view of the preset."""
    return query(context.home, f'SELECT {columns} FROM "{context.preset.name}"."{name}" {rest}')


def labels_of(context: Context) -> pl.DataFrame:
    """Every label with what was done and to what: no audio, no file names but the catalog's."""
    schema = context.preset.name
    return query(
        context.home,
        f"""SELECT t.file, t.tier, t.role, d.process, d.kind, d.in_pool,
                   d.identical_to IS NOT NULL AS repeated, l.mos, l.vnsim, d.bitstream_bytes
            FROM {schema}.labels l JOIN {schema}.degradations d USING (catalog, degraded_id)
            JOIN {schema}.excerpts e ON e.catalog = l.catalog AND e.excerpt_id = l.excerpt_id
            JOIN {schema}.tracks t ON t.catalog = e.catalog AND t.track_id = e.track_id
            ORDER BY t.file, d.depth, d.first_id, d.last_id""",
    )


def write_tracks(context: Context) -> None:
    """Write what every track is, for attribution."""
    columns = "file, title, artist, recording, genre, licence, role, tier, verdict, upper_edge_hz"
    tracks = view(context, "tracks", columns, "ORDER BY file")
    tracks.write_csv(DOCS / "results" / f"{context.preset.name}_tracks.csv", float_precision=0)


def write_label_sense(context: Context, rows: LabelRows) -> dict[str, str]:
    """Draw labels and steps origin by origin, and return the tables about them."""
    references = query(
        context.home,
        f"""SELECT e.excerpt_id, {ORIGIN} AS origin FROM "{context.preset.name}".excerpts e
            JOIN "{context.preset.name}".tracks t USING (catalog, track_id)""",
    )
    steps, cascades = [], []
    for (origin,), some in sorted(references.group_by("origin"), key=lambda group: group[0]):
        ours = rows.of(some["excerpt_id"].to_list())
        sense = describe_labels(ours)
        suffix = "" if len(references["origin"].unique()) == 1 else f"_{origin}"
        pictures = DOCS / "pictures" / f"{context.preset.name}_labels{suffix}.png"
        pictures.write_bytes(plot_curves(curves_of(ours)))
        pictures.with_stem(pictures.stem.replace("labels", "steps")).write_bytes(
            plot_label_sense(sense)
        )
        steps += [{"origin": origin, **asdict(step)} for step in sense.steps]
        found = sense.cascades
        cascades.append(
            {
                "origin": origin,
                "references": sense.n_references,
                "labels_at_4.6_and_above_%": 100 * sense.near_top_frac,
                "cascades": found.n,
                "above_worse_half_by_0.1_%": 100 * found.above_worse_frac,
                "above_better_half_by_0.1_%": 100 * found.above_better_frac,
            }
        )
    table = pl.DataFrame(steps)
    table.write_csv(DOCS / "results" / f"{context.preset.name}_steps.csv", float_precision=4)
    odd = table.filter(pl.col("gain_mos") < SMALL_STEP_MOS).sort("origin", "gain_mos")
    shown = ["origin", "name", "weaker", "stronger", "mean_mos", "gain_mos", "low_mos", "high_mos"]
    return {
        "small_steps": markdown(odd.select(*shown, "falls_frac")),
        "cascades": markdown(pl.DataFrame(cascades)),
    }


def disk_table(home: Path, context: Context) -> str:
    """Sum the sizes of the units of each stage under the current fingerprints."""
    rows = []
    for stage in (*CATALOG_STAGES, "splits", *JOINT_STAGES):
        found = [
            path.stat().st_size
            for path in (home / "lake" / stage).rglob("*")
            if path.is_file() and context.fingerprints[stage][:12] in str(path)
        ]
        rows.append({"stage": stage, "files": len(found), "MB": sum(found) / 1e6})
    return markdown(pl.DataFrame(rows))


def counts_table(context: Context) -> str:
    """Rows of each view."""
    views = (
        "tracks", "quarantine", "excerpts", "degradations", "labels", "dataset", "spectrograms"
    )  # fmt: skip
    rows = [{"view": v, "rows": view(context, v, "count(*) AS n")["n"][0]} for v in views]
    for kind, n in view(context, "degradations", "kind, count(*) AS n", "GROUP BY 1").rows():
        rows.append({"view": f"degradations: {kind}", "rows": n})
    for part, n in view(context, "dataset", "part, count(*) AS n", "GROUP BY 1").rows():
        rows.append({"view": f"dataset: {part}", "rows": n})
    rows[len(views) :] = sorted(rows[len(views) :], key=lambda row: row["view"])
    return markdown(pl.DataFrame(rows))


def uniformity_table(report: dict) -> str:
    """Evenness before and after the draw, part by part."""
    columns = ("part", "n_tracks", "n_before", "n_after", "evenness_before", "evenness")
    rows = [{name: part[name] for name in columns} for part in report["parts"]]
    return markdown(pl.DataFrame(rows))


def read_timings(file: Path) -> pl.DataFrame:
    """Sum the seconds of the runs that made each stage."""
    rows = [json.loads(line) for line in file.read_text().splitlines() if line.startswith("{")]
    return (
        pl.DataFrame(rows)
        .group_by("stage", maintain_order=True)
        .agg(pl.col("made", "rows", "seconds", "cpu_seconds").sum())
        .with_columns(pl.col("seconds", "cpu_seconds").round(1))
    )


def markdown(frame: pl.DataFrame) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + " --- |" * frame.width]
    for row in frame.rows():
        cells = (f"{v:.3f}".rstrip("0").rstrip(".") if isinstance(v, float) else v for v in row)
        lines.append("| " + " | ".join("–" if c is None else str(c) for c in cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
