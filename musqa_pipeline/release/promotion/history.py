"""The history of decisions, and what follows from it: who is champion, which rows are frozen.

Assets and commands decide and show through it; torch and matplotlib load only where a network is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import read_records, write_record
from musqa_pipeline.stages.views.duck import publish
from musqa_pipeline.stages.views.promotions_table import PROMOTIONS

CROWNING = ("first", "promoted")
"""Decisions that make a champion."""


@dataclass(frozen=True)
class History:
    """All decisions of a preset, in order."""

    decisions: Sequence[Mapping[str, Any]]
    """Rows of `promotions`."""

    @property
    def champion(self) -> Mapping[str, Any] | None:
        """The decision that made the present champion; None before the first."""
        crowned = [row for row in self.decisions if row["decision"] in CROWNING]
        return crowned[-1] if crowned else None

    @property
    def last(self) -> Mapping[str, Any] | None:
        """The last decision on a model."""
        judged = [row for row in self.decisions if row["decision"] != "refrozen"]
        return judged[-1] if judged else None

    @property
    def sets(self) -> range:
        """Numbers of the frozen sets that count."""
        return range(1, 1 + max((row["frozen_set"] for row in self.decisions), default=0))

    def decided(self, weights: str, settings: str) -> Mapping[str, Any] | None:
        """Return the decision on a model if it would be the same today."""
        champion = self.champion
        for row in reversed(self.decisions):
            same = (row["weights"], row["settings"]) == (weights, settings)
            held_against = row["champion"] == (champion["number"] if champion else None)
            if same and held_against and row["frozen_set"] == len(self.sets):
                return row
        return None


def read_history(context: Context) -> History:
    """Read the decisions of a preset."""
    return History(read_records(context, "promotions", PROMOTIONS))


def write_decision(context: Context, row: Mapping[str, Any]) -> None:
    """Add a decision; from this moment on it holds."""
    write_record(context, "promotions", PROMOTIONS, row["number"], [row])


def require_champion(context: Context, history: History) -> Mapping[str, Any]:
    """Return the present champion, or say how to get one."""
    if history.champion is None:
        name = context.preset.name
        raise ModelError(
            f"preset {name} has no champion yet; name a network in [promotion] network and run "
            f"`musqa run --preset {name}`"
        )
    return history.champion


def check_promotion(context: Context) -> CheckResult:
    """Check that the newest model is the champion; else say why it is not."""
    network = context.preset.promotion.network
    if not network:
        return CheckResult(True, "no network is promoted", {"promoted_network": "none"})
    history = read_history(context)
    last, champion = history.last, history.champion
    if last is None or champion is None:
        claim = f"{network} has not been decided on: its training did not finish"
        return CheckResult(False, claim, {"promoted_network": network})
    return CheckResult(
        passed=last["number"] == champion["number"],
        claim=f"decision {last['number']}, {last['decision']}: {last['reason']}",
        numbers={"decisions": len(history.decisions), "champion": champion["number"]},
    )


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
