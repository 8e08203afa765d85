"""Write docs/results.md and docs/results/ from a finished run.

``python docs/write_results.py --preset docs/results/openmusic.toml --timings timings.jsonl``

Everything but the timings comes from the lake below `MUSQA_HOME`. The timings are the lines that
``musqa run --json`` printed, of the runs that made the stages (a stage may stand in several).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import polars as pl

from musqa_pipeline.context import Context
from musqa_pipeline.database import query
from musqa_pipeline.dataset.pictures import plot_report
from musqa_pipeline.dataset.report import describe_dataset
from musqa_pipeline.evaluation.pictures import scatter_png
from musqa_pipeline.graph import catalog_context, chosen_catalogs, joint_context
from musqa_pipeline.labels.pictures import plot_label_curves
from musqa_pipeline.project import home_folder
from musqa_pipeline.settings import load_preset

DOCS = Path(__file__).resolve().parent


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
    (DOCS / "pictures" / f"{name}_labels.png").write_bytes(plot_label_curves(place))
    report = describe_dataset(joint)
    (DOCS / "pictures" / f"{name}_draw.png").write_bytes(plot_report(report))
    (DOCS / "pictures" / f"{name}_scatter.png").write_bytes(scatter_png(joint))
    timings = read_timings(arguments.timings)
    timings.write_csv(DOCS / "results" / f"{name}_timings.csv")
    labels = labels_of(joint)
    labels.write_csv(DOCS / "results" / f"{name}_labels.csv", float_precision=4)
    evaluations = view(joint, "evaluations", "*").sort(pl.all())
    evaluations.write_csv(DOCS / "results" / f"{name}_evaluations.csv", float_precision=3)
    sections = {
        "rows": counts_table(joint),
        "tiers": tiers_table(joint),
        "uniformity": uniformity_table(report.as_dict()),
        "accuracy": accuracy_table(evaluations, "all"),
        "by_tier": accuracy_table(evaluations, "tier"),
        "by_codec": accuracy_table(evaluations, "codec"),
        "timings": markdown(timings),
    }
    page = DOCS / "results.md"
    text = page.read_text(encoding="utf-8")
    for key, table in sections.items():
        text = replace_section(text, f"{name}:{key}", table)
    page.write_text(text, encoding="utf-8")
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


def tiers_table(context: Context) -> str:
    """Count files, recordings and verdicts by tier."""
    return markdown(
        view(
            context,
            "tracks",
            "tier, count(*) AS files, count(DISTINCT recording) AS recordings, "
            "sum(CAST(verdict = 'flagged' AS INT)) AS flagged, "
            "sum(CAST(role = 'test' AS INT)) AS test_files, "
            "round(median(upper_edge_hz)) AS median_upper_edge_hz",
            "GROUP BY 1 ORDER BY 1",
        )
    )


def uniformity_table(report: dict) -> str:
    """Evenness before and after the draw, part by part."""
    columns = ("part", "n_tracks", "n_before", "n_after", "evenness_before", "evenness")
    rows = [{name: part[name] for name in columns} for part in report["parts"]]
    return markdown(pl.DataFrame(rows))


def accuracy_table(evaluations: pl.DataFrame, slice_name: str) -> str:
    """Pearson and RMSE of every model on one kind of slice."""
    rows = evaluations.filter(
        (pl.col("slice") == slice_name) & pl.col("metric").is_in(["pearson", "rmse"])
    )
    digits = pl.when(pl.col("metric") == "pearson")
    shown = [digits.then(pl.col(c).round(2)).otherwise(pl.col(c).round(1)) for c in VALUES]
    value, low, high = (column.cast(pl.String).fill_null("–") for column in shown)
    text = (
        pl.when(pl.col("low").is_null())
        .then(value)
        .otherwise(pl.format("{} [{}, {}]", value, low, high))
    )
    wide = rows.with_columns(text=text).pivot(
        on="metric", index=["draw", "value", "n_recordings", "n_rows", "model"], values="text"
    )
    return markdown(wide.sort("draw", "value", "model", descending=[True, False, False]))


VALUES = ("estimate", "low", "high")


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


def replace_section(text: str, key: str, content: str) -> str:
    """Replace what stands between the page's two comments of a key."""
    start, end = f"<!-- {key} -->", f"<!-- /{key} -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"error: {start} … {end} not found in docs/results.md")
    return f"{before}{start}\n{content}\n{end}{after}"


if __name__ == "__main__":
    main()
