"""The history of decisions, and what follows from it: who is champion, which rows are frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import read_records, write_record
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

    @property
    def next_number(self) -> int:
        """Number of the next decision."""
        return 1 + max((row["number"] for row in self.decisions), default=0)

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
