"""What every asset does: run its stage, publish the views, describe the result for the UI."""

import base64
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.resources import MusqaResource
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.progress import ProgressSnapshot
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Stage, StageReport, Unit, run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.views.duck import publish, query, view_columns

Picture = Callable[[Context], bytes]
UnitPicture = Callable[[Unit], bytes | None]
OnNumbers = Callable[[Unit, Mapping[str, Any]], object]
Rounds = Callable[[Context, Callable[[str], StageReport]], StageReport]
PREVIEW_ROWS = 5


def run_and_describe(
    musqa: MusqaResource,
    context: Context,
    name: str,
    *,
    rounds: Rounds | None = None,
    after: Callable[[Context], object] | None = None,
    picture: Picture | None = None,
    on_numbers: OnNumbers | None = None,
) -> dg.MaterializeResult:
    """Run one stage, or as `rounds` says, and return counts, schema, preview and picture."""
    observer = progress_observer(dg.AssetExecutionContext.get())
    stage = get_stage(name)

    def run(one: str) -> StageReport:
        which = stage if one == name else get_stage(one)
        return run_stage(
            which, context, fanout=musqa.fanout(), observer=observer, on_numbers=on_numbers
        )

    report = rounds(context, run) if rounds else run(name)
    if after:
        after(context)
    publish(context, [name])
    shown = {"picture": dg.MetadataValue.md(_image(picture(context)))} if picture else {}
    metadata = {**shown, **counts(report), **view_metadata(context, stage)}
    version = digest(
        [stage.partition(context).fingerprint, context.lake.done(stage.partition(context))]
    )
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version))


def progress_observer(asset: dg.AssetExecutionContext) -> Callable[[ProgressSnapshot], None]:
    """Return what makes a stage's progress an observation of its asset and partition."""

    def observe(seen: ProgressSnapshot) -> None:
        partition = asset.partition_key if asset.has_partition_key else None
        metadata = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in dataclasses.asdict(seen).items()
            if value is not None
        }
        asset.log_event(
            dg.AssetObservation(asset.asset_key, partition=partition, metadata=metadata)
        )

    return observe


def numbers_observer(
    asset: dg.AssetExecutionContext, open_picture: Callable[[], UnitPicture] | None = None
) -> OnNumbers:
    """Return what makes an observation, which the UI plots, of each epoch or checkpoint.

    A picture is opened at the first of them: what draws it may load torch, and a run that trains
    nothing need not wait for that.
    """
    pictures: list[UnitPicture] = []

    def observe(unit: Unit, numbers: Mapping[str, float | int | str]) -> None:
        if open_picture and not pictures:
            pictures.append(open_picture())
        png = pictures[0](unit) if pictures else None
        shown = {"picture": dg.MetadataValue.md(_image(png))} if png else {}
        asset.log_event(dg.AssetObservation(asset.asset_key, metadata={**numbers, **shown}))

    return observe


def counts(report: StageReport) -> dict[str, dg.MetadataValue]:
    """Return what a stage's run did, as metadata."""
    values = {k: v for k, v in report.as_dict().items() if k not in {"stage", "catalog"}}
    return {
        name: dg.MetadataValue.float(round(value, 2))
        if isinstance(value, float)
        else dg.MetadataValue.int(value)
        for name, value in values.items()
    }


def view_metadata(context: Context, stage: Stage) -> dict[str, dg.MetadataValue]:
    """Return row count, schema, fingerprint and a preview of a stage's view."""
    table = stage.table
    shown = [c for c in view_columns(table) if c.type != pa.binary()]
    view = f'"{context.preset.name}"."{table.name}"'
    where = f"WHERE catalog = '{context.catalog}'" if context.catalog else ""
    rows = query(context.home, f"SELECT count(*) AS n FROM {view} {where}")["n"][0]
    names = ", ".join(f'"{c.name}"' for c in shown)
    preview = query(context.home, f"SELECT {names} FROM {view} {where} LIMIT {PREVIEW_ROWS}")
    return {
        "dagster/row_count": dg.MetadataValue.int(rows),
        "dagster/column_schema": column_schema(table),
        "preview": dg.MetadataValue.md(_markdown_table(preview.columns, preview.rows())),
        "fingerprint": dg.MetadataValue.text(stage.partition(context).fingerprint),
        "view": dg.MetadataValue.text(f"{context.preset.name}.{table.name}"),
    }


def column_schema(table: Table) -> dg.TableSchema:
    """Return a table's columns with their meaning, for the UI."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(c.name, type=str(c.type), description=c.doc) for c in view_columns(table)
        ]
    )


def _markdown_table(columns: list[str], rows: list[tuple[object, ...]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = text.replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= 40 else text[:37] + "…"


def _image(png: bytes) -> str:
    return f"![picture](data:image/png;base64,{base64.b64encode(png).decode()})"
