"""A history of decisions as half a year may bring it."""

import datetime

from musqa_pipeline.release.promotion.history import History

DECISIONS = (
    ("first", 9.42, None, None),
    ("promoted", 8.91, -0.51, -0.12),
    ("kept", 10.35, 1.44, 2.06),
    ("promoted", 8.60, -0.31, 0.08),
    ("disqualified", None, None, None),
    ("refrozen", None, None, None),
    ("promoted", 8.72, 0.02, 0.61),
    ("kept", 9.40, 0.68, 1.21),
    ("promoted", 8.05, -0.67, -0.20),
)
REASONS = {
    "first": "first: there was no champion before it",
    "disqualified": "it met frozen test recordings in training: Nocturne in E-flat, op. 9 no. 2",
    "refrozen": "6 test recordings joined: the field recordings of spring",
}


def made_up_history():
    rows, champion, error, frozen_set = [], None, None, 1
    for number, (decision, rmse, difference, upper) in enumerate(DECISIONS, 1):
        crowned = decision in ("first", "promoted")
        frozen_set += decision == "refrozen"
        if decision == "refrozen":
            error = 8.70
        judged = difference is not None
        told = "below" if crowned else "not below"
        reason = REASONS.get(decision) or (
            f"RMSE {difference:+.2f} points against the champion, at most {upper:+.2f}: {told} the "
            "margin of 1"
        )
        rows.append(
            {
                "number": number,
                "decided_utc": datetime.datetime(2026, 1, 5, 4, 12)
                + datetime.timedelta(weeks=3 * number),
                "decision": decision,
                "reason": reason,
                "network": "musqa_net",
                "weights": f"{number:032x}",
                "champion": champion,
                "champion_weights": f"{champion:032x}" if champion else None,
                "frozen_set": frozen_set,
                "draw": "uniform_draw",
                "n_rows": 412 + 60 * (frozen_set - 1),
                "n_recordings": 38 + 6 * (frozen_set - 1),
                "rmse_points": rmse,
                "champion_rmse_points": error if judged or decision == "refrozen" else None,
                "difference_points": difference,
                "upper_points": upper,
                "margin_points": 1.0,
                "confidence": 0.95,
                "n_new_rows": 60 if number == 4 else 0,
                "n_new_recordings": 6 if number == 4 else 0,
                "new_rmse_points": 9.9 if number == 4 else None,
                "new_champion_rmse_points": 10.4 if number == 4 else None,
                "n_train_rows": 9000 + 400 * number,
                "n_train_recordings": 240 + 11 * number,
                "catalogs": ["classical", "rock"],
                "dataset": "d" * 32,
                "evaluation": "e" * 32,
                "settings": "s" * 32,
                "report": ""
                if decision == "refrozen"
                else f"reports/made_up/models/{number:06d}/report.html",
                "champion_report": f"reports/made_up/models/{champion:06d}/report.html"
                if champion
                else None,
            }
        )
        if crowned:
            champion, error = number, rmse
    return History(rows)
