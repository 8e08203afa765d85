"""What may be said of the newest model and the champion."""

from __future__ import annotations

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.release.promotion.history import read_history
from musqa_pipeline.stages.engine.context import Context


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
