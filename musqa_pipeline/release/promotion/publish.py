"""The door to the promotion for assets and commands: decide, show, and say it in plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musqa_pipeline.release.promotion.history import read_history
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.views.duck import publish


def publish_decision(context: Context) -> dict[str, Any]:
    """Decide on the newest model of a preset, and show all decisions."""
    if not context.preset.promotion.network:
        return {}
    from musqa_pipeline.release.promotion.promote import promote

    row = promote(context)
    show_history(context)
    if row is None:
        return {"promotion": "none: the training of the network did not finish"}
    champion = read_history(context).champion
    numbers = ("rmse_points", "champion_rmse_points", "difference_points", "upper_points")
    return {
        "promotion": row["decision"],
        "promotion_reason": row["reason"],
        "promotion_number": row["number"],
        "champion": champion["number"] if champion else 0,
        "champion_weights": champion["weights"] if champion else "",
        **{f"promotion_{n}": round(row[n], 3) for n in numbers if row.get(n) is not None},
    }


def show_history(context: Context) -> str | None:
    """Write the page of all decisions, and let the view show them."""
    from musqa_pipeline.release.promotion.reports import publish_history

    history = read_history(context)
    publish(context, [])
    return publish_history(context, history) if history.decisions else None


def history_rows(context: Context) -> list[Mapping[str, Any]]:
    """Read the decisions for the command line."""
    history = read_history(context)
    champion = history.champion
    return [
        {**row, "is_champion": champion is not None and row["number"] == champion["number"]}
        for row in history.decisions
    ]
