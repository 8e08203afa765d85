"""Whether labels make sense, and where the metric itself is odd.

More bits and higher cut-offs should score higher, step by step; a chain of two processes should
not score above its worse half; and the metric can tell things apart only as well as the labels of
different references agree on their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.labels.table import LABELS

MARGIN_MOS = 0.1
"""A cascade this much above its worse half counts as odd."""
NEAR_TOP_MOS = 4.6
LARGEST_REVERSAL_MOS = 0.05
"""A mean that falls by more than this although bits or band grow is worth a look."""
MIN_REFERENCES = 8
"""Fewer references say too little about a mean."""


@dataclass(frozen=True)
class Step:
    """From one strength of a process to the next better one, over references that have both."""

    name: str
    """Codec, or ``lowpass``."""
    weaker: float
    """Bitrate in kbit/s or cut-off in hertz."""
    stronger: float
    n_references: int
    mean_mos: float
    """Mean MOS-LQO at the higher bitrate or cut-off."""
    gain_mos: float
    """Mean of the paired differences; negative is a reversal."""
    low_mos: float
    """Lower end of the 95 % interval of that mean (normal approximation)."""
    high_mos: float
    falls_frac: float
    """Share of references whose label falls."""


@dataclass(frozen=True, eq=False)
class CascadeSense:
    """How cascades compare with their halves applied alone to the same reference."""

    n: int
    above_worse_frac: float
    """Share that scores more than 0.1 above the worse of its two halves."""
    above_better_frac: float
    """Share that scores more than 0.1 above the better one."""
    above_worse_mos: NDArray[np.float64]
    """Shape (n,): cascade - worse half."""


@dataclass(frozen=True, eq=False)
class LabelSense:
    """What `describe_labels` found."""

    n_references: int
    steps: tuple[Step, ...]
    cascades: CascadeSense
    near_top_frac: float
    """Share of the singles' and cascades' labels at 4.6 and above."""

    @property
    def reversals(self) -> tuple[Step, ...]:
        """Steps whose mean falls."""
        return tuple(step for step in self.steps if step.gain_mos < 0.0)


@dataclass(frozen=True, eq=False)
class LabelRows:
    """Labels with what was done, as columns of equal length."""

    excerpt_id: NDArray[np.str_]
    kind: NDArray[np.str_]
    first_id: NDArray[np.int64]
    last_id: NDArray[np.int64]
    name: NDArray[np.str_]
    strength: NDArray[np.float64]
    """Bitrate or cut-off of the first process; NaN for the reference."""
    mos: NDArray[np.float64]

    def of(self, excerpt_ids: Sequence[str]) -> LabelRows:
        """Return the rows of some references."""
        keep = np.isin(self.excerpt_id, list(excerpt_ids))
        return LabelRows(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def read_rows(context: Context) -> LabelRows:
    """Read all labels of a catalog with their processes."""
    lake = context.lake
    labels = lake.scan(context.partition("labels"), LABELS.schema, columns=["degraded_id", "mos"])
    columns = [
        "degraded_id", "excerpt_id", "kind", "first_id", "last_id",
        "first_name", "first_bitrate_kbps", "first_cutoff_hz",
    ]  # fmt: skip
    plan = lake.scan(context.partition("degradations"), DEGRADATIONS.schema, columns=columns)
    rows = plan.join(labels, "degraded_id", join_type="inner").sort_by("degraded_id").to_pydict()
    strengths = zip(rows["first_bitrate_kbps"], rows["first_cutoff_hz"], strict=True)
    return LabelRows(
        excerpt_id=np.array(rows["excerpt_id"], np.str_),
        kind=np.array(rows["kind"], np.str_),
        first_id=np.array(rows["first_id"], np.int64),
        last_id=np.array(rows["last_id"], np.int64),
        name=np.array(rows["first_name"], np.str_),
        strength=np.array([bitrate or cutoff or np.nan for bitrate, cutoff in strengths]),
        mos=np.array(rows["mos"], np.float64),
    )


def describe_labels(rows: LabelRows) -> LabelSense:
    """Measure what can be said of labels without listening."""
    damaged = rows.mos[rows.kind != "reference"]
    return LabelSense(
        n_references=len(set(rows.excerpt_id.tolist())),
        steps=tuple(_steps(rows)),
        cascades=_cascades(rows),
        near_top_frac=float(np.mean(damaged >= NEAR_TOP_MOS)) if len(damaged) else 0.0,
    )


def check_order(context: Context) -> CheckResult:
    """Check that more bits and wider bands score higher on average."""
    sense = describe_labels(read_rows(context))
    judged = [step for step in sense.steps if step.n_references >= MIN_REFERENCES]
    worst = min(judged, key=lambda step: step.gain_mos, default=None)
    return CheckResult(
        passed=worst is None or worst.gain_mos >= -LARGEST_REVERSAL_MOS,
        claim=f"no mean label falls by more than {LARGEST_REVERSAL_MOS} MOS as bits or band grow",
        numbers={
            "n_steps": len(judged),
            "n_reversals": sum(step.gain_mos < 0.0 for step in judged),
            "worst_step": f"{worst.name} {worst.weaker:g} to {worst.stronger:g}" if worst else "",
            "worst_gain_mos": worst.gain_mos if worst else 0.0,
            "n_cascades": sense.cascades.n,
            "cascades_above_worse_half_frac": sense.cascades.above_worse_frac,
            "near_top_frac": sense.near_top_frac,
        },
    )


def _steps(rows: LabelRows) -> list[Step]:
    steps = []
    singles = _single_labels(rows)
    for name in dict.fromkeys(name for name, _ in sorted(singles)):
        strengths = sorted(strength for other, strength in singles if other == name)
        for weaker, stronger in pairwise(strengths):
            low, high = singles[name, weaker], singles[name, stronger]
            both = sorted(low.keys() & high.keys())
            gains = np.array([high[e] - low[e] for e in both])
            if not len(gains):
                continue
            spread = float(gains.std(ddof=1)) if len(gains) > 1 else 0.0
            half_width = 1.96 * spread / np.sqrt(len(gains))
            mean = float(gains.mean())
            steps.append(
                Step(
                    name=name,
                    weaker=weaker,
                    stronger=stronger,
                    n_references=len(both),
                    mean_mos=float(np.mean([high[e] for e in both])),
                    gain_mos=mean,
                    low_mos=mean - half_width,
                    high_mos=mean + half_width,
                    falls_frac=float(np.mean(gains < 0.0)),
                )
            )
    return steps


def _single_labels(rows: LabelRows) -> Mapping[tuple[str, float], dict[str, float]]:
    """Labels by process and strength, then by reference."""
    found: dict[tuple[str, float], dict[str, float]] = defaultdict(dict)
    for i in np.flatnonzero(rows.kind == "single").tolist():
        key = str(rows.name[i]), float(rows.strength[i])
        found[key][str(rows.excerpt_id[i])] = float(rows.mos[i])
    return found


def _cascades(rows: LabelRows) -> CascadeSense:
    alone = {
        (str(rows.excerpt_id[i]), int(rows.first_id[i])): float(rows.mos[i])
        for i in np.flatnonzero(rows.kind == "single").tolist()
    }
    triples = []
    for i in np.flatnonzero(rows.kind == "cascade").tolist():
        excerpt_id = str(rows.excerpt_id[i])
        halves = [alone.get((excerpt_id, int(part[i]))) for part in (rows.first_id, rows.last_id)]
        if halves[0] is not None and halves[1] is not None:
            triples.append((min(halves[0], halves[1]), max(halves[0], halves[1]), rows.mos[i]))
    if not triples:
        return CascadeSense(0, 0.0, 0.0, np.empty(0))
    worse, better, mos = np.array(triples).T
    return CascadeSense(
        n=len(mos),
        above_worse_frac=float(np.mean(mos > worse + MARGIN_MOS)),
        above_better_frac=float(np.mean(mos > better + MARGIN_MOS)),
        above_worse_mos=mos - worse,
    )
