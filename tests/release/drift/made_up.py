"""Records of drift that never were."""

from __future__ import annotations

import datetime

import numpy as np

from musqa_pipeline.release.drift.record import (
    VARIABLES,
    _moves,
    as_columns,
)
from musqa_pipeline.studies.statistics.distribution_distance import (
    distribution_of,
)


def made_up_records(n_records=12, shift_after=7, variables=VARIABLES):
    """Two catalogs over a year; the labels of one fall, a third one comes later."""
    rows = []
    for number in range(1, n_records + 1):
        when = datetime.datetime(2026, 1, 5, 3) + datetime.timedelta(weeks=4 * number)
        catalogs = ["classical", "rock", *(["field recordings"] if number > 5 else []), "*"]
        for variable in variables:
            for place, catalog in enumerate(catalogs):
                rng = np.random.default_rng([number, place, len(variable.name)])
                n = 20 + 4 * number
                fall = 0.9 * (number > shift_after and catalog == "rock" and variable.name == "mos")
                values = 3.0 - fall + 0.2 * place + rng.normal(0, 0.5, n)
                scale, offset = PLAUSIBLE[variable.unit]
                found = distribution_of(offset + scale * values, np.arange(n), f"{number}{catalog}")
                key = {"seen_catalog": catalog, "variable": variable.name}
                row = {"number": number, "recorded_utc": when, "inputs": str(number), **key}
                empty = dict.fromkeys(
                    f"{what}_from_{name}"
                    for what in ("distance", "threshold")
                    for name in ("first", "last")
                )
                rows.append({**row, **as_columns(found), **empty, **_moves(found, rows, key)})
    return rows


PLAUSIBLE = {
    "MOS": (1, 0), "Hz": (5000, 0), "LUFS": (-5, 0), "dBTP": (-0.4, 0), "": (0.2, 0), "s": (60, 0),
    "dB": (6, -60),
}  # fmt: skip
"""Factor and offset that bring made-up values to where those of a unit lie."""
