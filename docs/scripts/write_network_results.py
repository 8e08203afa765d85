"""Write the tables on networks in docs/results.md from a finished run.

``python docs/scripts/write_network_results.py --preset docs/results/networks.toml``

All of it comes from the views below `MUSQA_HOME` and from the published report's predictions.
"""

from __future__ import annotations

import argparse

import polars as pl
from page_sections import DOCS, write_sections
from write_results import markdown, view

from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.differences import paired_differences
from musqa_pipeline.stages.evaluation.publish import reports_folder
from musqa_pipeline.stages.graph import joint_context, load_preset

SUBSETS = {
    ("all", "all"): "all rows",
    ("part", "untouched test recordings"): "test recordings",
    ("label", "trusted"): "trusted labels",
    ("reference", "full band"): "full-band references",
    ("reference", "dark"): "dark references",
    ("within", "codecs alone"): "codecs alone",
}
"""Slices that a leaderboard shows."""
GENTLE_ORDER = 3
"""Low-passes of up to 18 dB an octave, which sound like an equaliser."""
REAL = "openmusic"
"""The catalog of real recordings."""
CODEC_NAMES = {"adts": "AAC", "ogg": "Vorbis", "mp2": "MP2", "mp3": "MP3", "opus": "Opus"}


def main() -> None:
    """Write the tables and copy the evaluations as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    preset = load_preset(parser.parse_args().preset)
    home, name = home_folder(), preset.name
    context = joint_context(home, preset)
    evaluations = view(context, "evaluations", "*")
    evaluations.sort(pl.all()).write_csv(
        DOCS / "results" / f"{name}_evaluations.csv", float_precision=3
    )
    report = reports_folder(home) / name
    predictions = pl.read_parquet(report / "predictions.parquet")
    sections = {
        "folds": leaderboard(evaluations, "folds"),
        "repetitions": leaderboard(evaluations, "repetitions"),
        "generalisation": generalisation(evaluations),
        "curve": learning_curve(evaluations),
        "ablations": ablations(evaluations),
        "differences": differences(predictions),
        "errors": errors(predictions, context),
        "times": times(context),
        "tiers": tiers_table(context),
    }
    page = DOCS / "results.md"
    write_sections(page, {f"{name}:{key}": table for key, table in sections.items()})
    print(f"wrote {page}")


def leaderboard(evaluations: pl.DataFrame, protocol: str) -> str:
    """Pearson and RMSE of every model, subset by subset: mean (SD) over repetitions [interval]."""
    rows = evaluations.filter(
        (pl.col("protocol") == protocol) & pl.col("metric").is_in(["pearson", "rmse"])
    )
    tables = []
    for (draw,), drawn in rows.group_by("draw", maintain_order=True):
        for (name, value), title in SUBSETS.items():
            part = drawn.filter(slice=name, value=value)
            if part.is_empty():
                continue
            lines = [
                {
                    "draw": draw,
                    "rows": title,
                    **measured(model, of_model),
                    "seeds": of_model["n_repetitions"][0],
                    "_order": of_model.filter(metric="rmse")["estimate"][0],
                }
                for (model,), of_model in part.group_by("model", maintain_order=True)
            ]
            tables.append(pl.DataFrame(lines).sort("_order").drop("_order"))
    return markdown(pl.concat(tables)) if tables else "not run"


def cell(rows: pl.DataFrame, metric: str, digits: int) -> str:
    """Write one metric: mean (SD) [low, high]."""
    row = rows.filter(metric=metric).row(0, named=True)
    if row["estimate"] is None:
        return "–"
    text = f"{row['estimate']:.{digits}f}"
    text += f" ({row['sd']:.{digits}f})" if row["sd"] is not None else ""
    return text + (
        f" [{row['low']:.{digits}f}, {row['high']:.{digits}f}]" if row["low"] is not None else ""
    )


def generalisation(evaluations: pl.DataFrame) -> str:
    """Return what happens where something was never met, on the natural mix."""
    rows = evaluations.filter(pl.col("draw") == "natural_mix")
    lines = []
    for (protocol, model), part in rows.group_by("protocol", "model", maintain_order=True):
        if protocol == "leave_codec_out":
            known = rows.filter(protocol="folds", model=model)
            for (codec,), of_codec in part.filter(slice="codec").group_by(
                "value", maintain_order=True
            ):
                same = known.filter(slice="codec", value=codec, metric="rmse")
                lines.append(
                    line(f"without {codec}", model, of_codec)
                    | {"RMSE under folds": f"{same['estimate'][0]:.1f}" if same.height else None}
                )
        elif protocol in {"singles_to_cascades", "synthesised_to_real", "real_to_synthesised"}:
            lines.append(line(protocol.replace("_", " "), model, part.filter(slice="all")))
    return markdown(pl.DataFrame(lines, infer_schema_length=None)) if lines else "not run"


def line(what: str, model: str, rows: pl.DataFrame) -> dict[str, object]:
    """Make one line of a table on what was trained."""
    return {"trained": what, **measured(model, rows)}


def measured(model: str, rows: pl.DataFrame) -> dict[str, object]:
    """Make the columns that say how well a model does."""
    return {
        "model": model,
        "r": cell(rows, "pearson", 3),
        "RMSE": cell(rows, "rmse", 1),
        "n": rows["n_rows"][0],
        "recordings": rows["n_recordings"][0],
    }


def learning_curve(evaluations: pl.DataFrame) -> str:
    """RMSE over the share of the references that were trained on."""
    rows = evaluations.filter(
        protocol="learning_curve", slice="all", draw="natural_mix", metric="rmse"
    )
    if rows.is_empty():
        return "not run"
    wide = rows.with_columns(text=pl.col("estimate").round(1).cast(pl.String)).pivot(
        on="model", index="variant", values="text"
    )
    order = wide["variant"].cast(pl.Float64).arg_sort()
    return markdown(wide[order].rename({"variant": "share of the references"}))


def ablations(evaluations: pl.DataFrame) -> str:
    """Return what is left of musqa-net without one of its choices."""
    rows = evaluations.filter(protocol="ablations", slice="all", draw="natural_mix")
    if rows.is_empty():
        return "not run"
    lines = [
        line("all references", model, part)
        for (model,), part in rows.group_by("model", maintain_order=True)
    ]
    return markdown(pl.DataFrame(lines).drop("trained"))


def differences(predictions: pl.DataFrame) -> str:
    """RMSE of musqa-net less that of every other model, with paired intervals by recording."""
    found = paired_differences(
        predictions.filter(pl.col("protocol") == "folds"), EvaluationSettings(n_bootstrap=4000)
    )
    lines = []
    for row in found:
        if "musqa_net" not in (row["first"], row["second"]):
            continue
        sign = 1 if row["first"] == "musqa_net" else -1
        ends = sorted(sign * row[end] for end in ("low", "high"))
        other = row["second"] if sign > 0 else row["first"]
        lines.append(
            {
                "draw": row["draw"],
                "musqa_net less": other,
                "RMSE": f"{sign * row['difference']:+.2f} [{ends[0]:+.2f}, {ends[1]:+.2f}]",
                "recordings": row["n_recordings"],
            }
        )
    return markdown(pl.DataFrame(lines)) if lines else "not run"


def errors(predictions: pl.DataFrame, context: Context) -> str:
    """RMSE by the kind of process, and each kind's share of musqa-net's squared error."""
    plans = view(context, "degradations", "catalog, degraded_id, first_name, first_params, depth")
    order = pl.col("first_params").str.json_path_match("$.order").cast(pl.Int64)
    lowpass = (pl.col("depth") == 1) & (pl.col("first_name") == "lowpass")
    table = lowpass & pl.col("first_params").is_null()
    kind = (
        pl.when(table).then(pl.lit("low-pass, order 4, of the tables"))
        .when(lowpass & (order <= GENTLE_ORDER)).then(pl.lit("low-pass, order 2 and 3"))
        .when(lowpass).then(pl.lit("low-pass, steeper"))
        .when(pl.col("depth") == 0).then(pl.lit("none"))
        .when(pl.col("depth") == 1).then(pl.col("first_name").replace(CODEC_NAMES))
        .otherwise(pl.lit("cascades"))
    )  # fmt: skip
    rows = (
        predictions.filter(
            (pl.col("protocol") == "folds")
            & pl.col("natural_mix")
            & (pl.col("reference") == "full band")
            & pl.col("model").is_in(["musqa_net", "boosted", "oracle"])
        )
        .join(plans.drop("depth"), on=["catalog", "degraded_id"])
        .with_columns(kind=kind, square=(pl.col("predicted") - pl.col("label")) ** 2)
    )
    if rows.is_empty():
        return "not run"
    by_kind = rows.group_by("kind", "model").agg(
        rows=pl.struct("catalog", "degraded_id").n_unique(),
        rmse=pl.col("square").mean().sqrt().round(1).cast(pl.String),
        total=pl.col("square").sum(),
    )
    ours = by_kind.filter(model="musqa_net").select(
        "kind",
        "rows",
        share=(100 * pl.col("total") / pl.col("total").sum()).round(0).cast(pl.Int64),
    )
    wide = by_kind.pivot(on="model", index="kind", values="rmse")
    columns = [m for m in ("musqa_net", "boosted", "oracle") if m in wide.columns]
    table = ours.join(wide, on="kind").sort("share", "kind", descending=[True, False])
    return markdown(
        table.select(
            pl.col("kind").alias("process"), "rows",
            pl.col("share").alias("% of musqa_net's squared error"),
            *(pl.col(m).alias(f"RMSE {m}") for m in columns),
        )
    )  # fmt: skip


def times(context: Context) -> str:
    """Minutes of one training, on one thread under protocols."""
    return markdown(
        view(
            context,
            "trials",
            "protocol, model, count(DISTINCT (variant, fold, repetition)) AS trainings, "
            "round(median(minutes), 2) AS median_minutes, max(n_train) AS most_rows",
            "GROUP BY ALL ORDER BY ALL",
        )
    )


def tiers_table(context: Context) -> str:
    """Count files, recordings and verdicts of the real recordings by tier."""
    return markdown(
        view(
            context,
            "tracks",
            "tier, count(*) AS files, count(DISTINCT recording) AS recordings, "
            "sum(CAST(verdict = 'flagged' AS INT)) AS flagged, "
            "sum(CAST(role = 'test' AS INT)) AS test_files, "
            "round(median(upper_edge_hz)) AS median_upper_edge_hz",
            f"WHERE catalog = '{REAL}' GROUP BY 1 ORDER BY 1",
        )
    )


if __name__ == "__main__":
    main()
