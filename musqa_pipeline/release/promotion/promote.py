"""Decide on the newest model: promoted, kept out, or disqualified; and freeze further test rows.

The record of the decision is written last and whole: before it the old champion is the champion,
after it the new one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import polars as pl

from musqa_pipeline.core.clock import utc_now
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.release.promotion.candidate import (
    Candidate,
    keep_champion,
    read_challenger,
    read_champion,
)
from musqa_pipeline.release.promotion.comparison import compare, rmse_of
from musqa_pipeline.release.promotion.frozen import (
    current_test_rows,
    freeze,
    judged_draw,
    met_in_training,
    new_recordings,
    read_frozen,
)
from musqa_pipeline.release.promotion.history import (
    History,
    read_history,
    require_champion,
    write_decision,
)
from musqa_pipeline.release.promotion.reports import keep_report
from musqa_pipeline.release.promotion.scores import score_current, score_frozen
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import next_number
from musqa_pipeline.stages.spectrograms.features.rows import KEYS

_NAMED = 3
"""Recordings that a reason names."""


def promote(context: Context) -> Mapping[str, Any] | None:
    """Hold the newest model of a preset against its champion, which stays if that fails."""
    settings = context.preset.promotion
    if not settings.network:
        return None
    with context.lake.lock(f"promotion-{context.preset.name}"):
        history, challenger = read_history(context), read_challenger(context)
        if challenger is None:
            return None
        champion, about = history.champion, digest(dataclasses.asdict(settings))
        if champion is not None and champion["weights"] == challenger.weights:
            return champion
        known = history.decided(challenger.weights, about)
        if known is not None:
            return known
        number = next_number(context, "promotions")
        row = {
            "number": number,
            "decided_utc": utc_now(),
            "network": challenger.network,
            "weights": challenger.weights,
            "margin_points": settings.margin_points,
            "confidence": settings.confidence,
            "settings": about,
            "report": keep_report(context, number),
            **challenger.trained_on,
        }
        row |= (
            _first(context, challenger)
            if champion is None
            else _held_against(context, challenger, champion, history)
        )
        if row["decision"] in ("first", "promoted"):
            keep_champion(context, challenger)
        write_decision(context, row)
        return row


def refreeze(context: Context, note: str = "") -> Mapping[str, Any]:
    """Let the test recordings that came since join the frozen rows, which stay if that fails."""
    with context.lake.lock(f"promotion-{context.preset.name}"):
        history = read_history(context)
        champion = require_champion(context, history)
        model = read_champion(context, champion["weights"])
        current, number = current_test_rows(context), len(history.sets) + 1
        came = new_recordings(current, read_frozen(context, history.sets))
        met = met_in_training(came, model.training_keys)
        joining = came.join(met, on=KEYS, how="anti")
        if joining.is_empty():
            because = ", which the champion met in training" if met.height else ""
            raise ModelError(
                f"preset {context.preset.name} has {came['recording'].n_unique()} test recordings "
                f"that are not frozen{because}; there is nothing to add"
            )
        freeze(context, number, joining)
        sets = range(1, number + 1)
        said = score_frozen(context, model, sets, current)
        judged = _judged(read_frozen(context, sets), champion=said)
        left_out = f"; {met['recording'].n_unique()} were left out: the champion met them"
        row = {
            **{name: champion[name] for name in _OF_THE_CHAMPION},
            "number": next_number(context, "promotions"),
            "decided_utc": utc_now(),
            "decision": "refrozen",
            "reason": f"{joining['recording'].n_unique()} test recordings joined"
            + (left_out if met.height else "")
            + (f": {note}" if note else ""),
            "champion": champion["number"],
            "champion_weights": champion["weights"],
            "frozen_set": number,
            **_counts(judged),
            "champion_rmse_points": _rmse(judged, "champion"),
            "n_new_rows": 0,
            "n_new_recordings": 0,
            "report": "",
            "champion_report": champion["report"],
        }
        write_decision(context, row)
        return row


_OF_THE_CHAMPION = (
    "network", "weights", "margin_points", "confidence", "settings", "n_train_rows",
    "n_train_recordings", "catalogs", "dataset", "evaluation",
)  # fmt: skip


def _first(context: Context, challenger: Candidate) -> dict[str, Any]:
    current = current_test_rows(context)
    freeze(context, 1, current)
    said = score_frozen(context, challenger, [1], current)
    judged = _judged(read_frozen(context, [1]), new=said)
    return {
        "decision": "first",
        "reason": "first: there was no champion before it",
        "frozen_set": 1,
        **_counts(judged),
        "rmse_points": _rmse(judged, "new"),
        "n_new_rows": 0,
        "n_new_recordings": 0,
    }


def _held_against(
    context: Context, challenger: Candidate, champion: Mapping[str, Any], history: History
) -> dict[str, Any]:
    sets = history.sets
    frozen, current = read_frozen(context, sets), current_test_rows(context)
    came = new_recordings(current, frozen)
    against = {
        "champion": champion["number"],
        "champion_weights": champion["weights"],
        "champion_report": champion["report"],
        "frozen_set": len(sets),
        "n_new_rows": came.height,
        "n_new_recordings": came["recording"].n_unique(),
    }
    met = met_in_training(frozen, challenger.training_keys)
    if met.height:
        names = met["recording"].unique(maintain_order=True).to_list()
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return {
            **against,
            **_counts(frozen.filter(judged_draw(frozen))),
            "decision": "disqualified",
            "reason": f"it met frozen test recordings in training: {', '.join(names[:_NAMED])}"
            f"{more}",
        }
    model = read_champion(context, champion["weights"])
    judged = _judged(
        frozen,
        new=score_frozen(context, challenger, sets, current),
        champion=score_frozen(context, model, sets, current),
    )
    verdict = compare(judged, context.preset.promotion)
    said = ("rmse_points", "champion_rmse_points", "difference_points", "upper_points", "reason")
    return {
        **against,
        **_counts(judged),
        "decision": "promoted" if verdict.not_worse else "kept",
        **{name: getattr(verdict, name) for name in said},
        "new_rmse_points": _error_on(context, challenger, came),
        "new_champion_rmse_points": _error_on(context, model, came),
    }


def _judged(frozen: pl.DataFrame, **said: pl.DataFrame) -> pl.DataFrame:
    """Join what models said to the frozen rows of the draw that decides."""
    for name, scores in said.items():
        frozen = frozen.join(scores.rename({"predicted": name}), on=KEYS, how="inner")
    return frozen.filter(judged_draw(frozen))


def _counts(judged: pl.DataFrame) -> dict[str, Any]:
    return {
        "draw": judged_draw(judged),
        "n_rows": judged.height,
        "n_recordings": judged["recording"].n_unique(),
    }


def _error_on(context: Context, model: Candidate, rows: pl.DataFrame) -> float | None:
    said = score_current(context, model, rows)
    if said is None:
        return None
    return _rmse(_judged(rows.with_columns(label=pl.col("quality") * 100.0), new=said), "new")


def _rmse(judged: pl.DataFrame, name: str) -> float:
    return rmse_of(judged["label"].to_numpy(), judged[name].to_numpy())
