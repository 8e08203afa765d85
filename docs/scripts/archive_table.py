"""The table of paper 004 from the trials of a preset: four mappings, their null, and controls."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import polars as pl
from archive_figures import Pairs, draw_pairs, pairs_apart
from gan_tables import number, table
from kept_answers import tell
from matplotlib.figure import Figure
from numpy.typing import NDArray

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.preset import LISTENERS
from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.trials.divisions import (
    BY_LABEL,
    IN_HALVES,
    RANDOM_LABELS,
    Trial,
    divide,
)
from musqa_pipeline.stages.models.trials.networks import images_of
from musqa_pipeline.stages.models.trials.stage import list_units
from musqa_pipeline.stages.spectrograms.features.rows import (
    KEYS,
    POINTS,
    allowed_rows,
    read_rows,
)
from musqa_pipeline.studies.listening.vinylset_paper import paper_number
from musqa_pipeline.studies.statistics.bootstrap import paired_difference
from musqa_pipeline.studies.statistics.mapping_null import (
    MAPPINGS,
    Spread,
    judge_each_way,
    null_of_divisions,
)
from musqa_pipeline.studies.statistics.metrics import mean_full_width, pearson, rmse
from musqa_pipeline.studies.statistics.stratified import Division

THRESHOLD_MOS = 0.87
"""Of the ranking accuracy where labels have no intervals: Vinylset's."""
N_DRAWS = 1500
SEED_KEY = "archive table"
NUMBERS = {
    "pearson": ("PCC", 1, 3),
    "spearman": ("SRCC", 1, 3),
    "rmse": ("RMSE, MOS", 1, 3),
    "ranking_accuracy": ("PRA, %", 100, 1),
}
"""Head, factor and digits of each."""
HEADS = {
    "raw": "not mapped",
    "cubic": "cubic of the test part (paper)",
    "monotone": "monotone cubic of it",
    "validation": "cubic of the validation part",
}
PAIRS = {
    "w2v_mos": "w2v_mos_random",
    "convmaxpool_autoencoder": "convmaxpool",
    "convmaxpool_degradations": "convmaxpool",
    "convmaxpool_dcec": "convmaxpool",
    "convmaxpool_dcec_mtl": "convmaxpool",
}
"""Networks with a body that learned before, and the same without."""
PICTURED = (
    ("grouped", "w2v_mos"), (RANDOM_LABELS, "w2v_mos"), ("grouped", "nisqa_l1"),
    ("grouped", "boosted"), (RANDOM_LABELS, "boosted"), ("grouped", "musqa_net"),
)  # fmt: skip
"""Protocols and networks of the picture: the paper's three, and ours."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Half:
    """A trial with its rows by number, and what it says of validation and test rows in MOS."""

    trial: Trial
    division: Division
    predicted: Floats
    """Of all rows, NaN where it was not asked."""


class Halves:
    """What the trials of a preset that predict halves of folds say."""

    def __init__(self, context: Context, threshold_mos: float = THRESHOLD_MOS) -> None:
        self.context, self.threshold_mos = context, threshold_mos
        self.read = cache(self._read)
        self.rows = read_rows(context).with_row_index("number")
        self.mos = 1 + 4 * self.rows["label"].to_numpy() / POINTS
        self.whose = self.rows.select(whose=pl.concat_str("catalog", "recording", separator=" "))[
            "whose"
        ].to_numpy()

    @cached_property
    def half_widths(self) -> Floats | None:
        """Return half the interval of each row's rating; None where a metric labels."""
        if self.context.preset.labels.metric != LISTENERS:
            return None
        tracks = read_seen_tracks(self.context).select("catalog", "track_id", "mos_ci")
        joined = self.rows.join(tracks, on=["catalog", "track_id"], how="left")
        return joined.sort("number")["mos_ci"].cast(pl.Float64).to_numpy()

    def threshold_of(self, division: Division) -> float:
        """Return the threshold of the ranking accuracy, from those that train."""
        if self.half_widths is None:
            return self.threshold_mos
        return mean_full_width(self.half_widths[division.train])

    def _read(self, protocol: str) -> list[Half]:
        """Read the finished trials of a protocol that predict a half of a fold."""
        context = self.context
        partition = context.joint_partition("trials")
        done = set(context.lake.done(partition))
        found = []
        for unit in list_units(context):
            trial = Trial(**unit.plan)
            if trial.protocol != protocol or trial.fold == "test" or unit.unit_id not in done:
                continue
            columns = [*KEYS, "predicted", "finished"]
            stored = pl.DataFrame(context.lake.read(partition, unit.unit_id, columns))
            if not stored["finished"].all():
                continue
            found.append(self._half(trial, unit.unit_id, stored))
        return found

    def _half(self, trial: Trial, unit_id: str, stored: pl.DataFrame) -> Half:
        parts = divide(trial, self.rows, self.context.preset.protocols)
        allowed = allowed_rows(self.context.preset.models)
        masks = (part & allowed for part in (parts.train, parts.validation, parts.predicted))
        division = Division(*(self.rows.filter(mask)["number"].to_numpy() for mask in masks))
        known = self.rows.join(stored, on=KEYS, how="inner")
        said = np.full(self.rows.height, np.nan)
        said[known["number"].to_numpy()] = 1 + 4 * known["predicted"].to_numpy()
        if trial.protocol in BY_LABEL:
            said[division.validation] = self._of_validation(trial, unit_id, division)
        return Half(trial, division, said)

    def _of_validation(self, trial: Trial, unit_id: str, division: Division) -> Floats:
        """Ask of the validation rows: stored weights, or a fit that has not seen them."""
        asked = self.rows[division.validation]
        if trial.model in BASELINES:
            fit = BASELINES[trial.model].fit(self.rows[division.train], trial.repetition)
            return 1 + 4 * np.asarray(fit(asked)) / POINTS
        from musqa_pipeline.learning.predict import load_model, predict_rows

        tell(f"{trial.model}, {trial.protocol} {trial.fold}: validation rows")
        folder = self.context.lake.local_folder(self.context.joint_partition("trials"), unit_id)
        images, keys = images_of(self.context, trial.model, asked), asked.select(KEYS).rows()
        network = load_model(folder)
        return 1 + 4 * predict_rows({trial.model: network}, images, keys)[trial.model]


def print_table(halves: Halves) -> None:
    """Print the tables; the last line is the mean r of the control and its share in the band."""
    null: Mapping[str, Mapping[str, Spread]] = {}
    for protocol in BY_LABEL:
        found = halves.read(protocol)
        if not found:
            print(f"### {protocol}: not run\n")
            continue
        own = {half.trial.fold: half.division for half in found}
        divisions = [own[fold] for fold in sorted(own)]
        thresholds = [halves.threshold_of(division) for division in divisions]
        asked, places = _asked_rows(divisions)
        null_here = null_of_divisions(
            halves.mos[asked], places, thresholds, SEED_KEY, n_draws=N_DRAWS
        )
        if protocol == "grouped":
            null = null_here
        n_test = [len(division.test) for division in divisions]
        print(
            f"### {protocol}: mean ± SD over halves of folds, {min(n_test)} to {max(n_test)} rows "
            f"in each, τ {np.mean(thresholds):.2f}\n"
        )
        for metric in NUMBERS:
            print(f"{metric_table(halves, found, null_here, metric)}\n")
        print(f"{pairs_table(halves, found)}\n")
    control = halves.read(RANDOM_LABELS)
    if not control or not null:
        print("random_labels: not run" if not control else "random_labels: no grouped beside it")
        return
    print(f"### Labels of chance, PCC, not mapped\n\n{control_table(halves, control, null)}\n")
    every = [r_of(halves, half) for half in control]
    print("{:.3f} {:.2f}".format(*within(every, null["raw"]["pearson"])))


def pictured(halves: Halves) -> Figure:
    """Draw which pairs networks rank as they are rated, in the parts of `grouped`.

    Raises StageError if none of `PICTURED` has been run.
    """
    found = {protocol: halves.read(protocol) for protocol in ("grouped", RANDOM_LABELS)}
    by_network: dict[str, list[Pairs]] = {}
    thresholds = []
    for protocol, model in PICTURED:
        for half in found[protocol]:
            if half.trial.model == model:
                test, threshold = half.division.test, halves.threshold_of(half.division)
                pairs = pairs_apart(halves.mos[test], half.predicted[test], threshold)
                chance = ", labels of chance" if protocol == RANDOM_LABELS else ""
                by_network.setdefault(f"{_title(model)}{chance}", []).append(pairs)
                thresholds.append(threshold)
    if not by_network:
        raise StageError("no trial of grouped is finished; run the preset first")
    return draw_pairs(by_network, float(np.mean(thresholds)))


def judged_half(halves: Halves, half: Half) -> dict[str, dict[str, float] | None]:
    """Judge a trial in each way."""
    asked, (place,) = _asked_rows([half.division])
    threshold = halves.threshold_of(half.division)
    return judge_each_way(halves.mos[asked], half.predicted[asked], place, threshold)


def _asked_rows(divisions: Sequence[Division]) -> tuple[NDArray[np.int64], list[Division]]:
    """Return the rows that validate or are tested anywhere, and where divisions have them there."""
    asked = np.unique(np.concatenate([part for d in divisions for part in (d.validation, d.test)]))
    nobody = np.empty(0, np.int64)
    return asked, [
        Division(nobody, *(np.searchsorted(asked, part) for part in (d.validation, d.test)))
        for d in divisions
    ]


def metric_table(
    halves: Halves, found: Sequence[Half], null: Mapping[str, Mapping[str, Spread]], metric: str
) -> str:
    """Write one number of every network in each way, the null below and the paper beside."""
    head, factor, digits = NUMBERS[metric]
    models = list(dict.fromkeys(half.trial.model for half in found))
    lines = []
    for model in models:
        judged = [judged_half(halves, half) for half in found if half.trial.model == model]
        line: dict[str, str] = {head: _title(model)}
        for way in MAPPINGS:
            # A mapping that cannot be fitted knows no order, as in the null.
            values = [numbers[way][metric] if numbers[way] else np.nan for numbers in judged]
            line[HEADS[way]] = _spread(factor * np.array(values), digits)
        line["the paper, Vinylset"] = paper_number(model, metric)
        lines.append(line)
    line = {head: f"noise, {N_DRAWS:,} draws"}
    for way in MAPPINGS:
        one = null[way][metric]
        mean, sd, low, high = (factor * x for x in (one.mean, one.sd, one.low, one.high))
        line[HEADS[way]] = (
            f"{mean:.{digits}f} ± {sd:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
        )
    line["the paper, Vinylset"] = paper_number(RANDOM_LABELS, metric)
    return table([*lines, line])


def _spread(values: Floats, digits: int) -> str:
    if np.isnan(values).all():
        return "–"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the SD of one value
        sd = np.nanstd(values, ddof=1)
    some = "" if not np.isnan(values).any() else f" ({np.isfinite(values).sum()} of {len(values)})"
    return f"{np.nanmean(values):.{digits}f} ± {sd:.{digits}f}{some}"


def pairs_table(halves: Halves, found: Sequence[Half]) -> str:
    """Write what pre-training gains: RMSE in MOS, not mapped, paired by recording."""
    said = {name: _together(halves, found, name) for name in {*PAIRS, *PAIRS.values()}}
    lines = []
    for model, without in PAIRS.items():
        first, second = said[model], said[without]
        if first is None or second is None:
            continue
        both = ~np.isnan(first) & ~np.isnan(second)
        gain = paired_difference(
            rmse, halves.mos[both], first[both], second[both], halves.whose[both], SEED_KEY
        )
        lines.append({
            "network": _title(model), "less": _title(without), "rows": int(both.sum()),
            "RMSE, MOS": number(gain.value, gain.low, gain.high, 3),
        })  # fmt: skip
    return (
        table(lines)
        if lines
        else "No network with a body that learned before, and without: not run."
    )


def _together(halves: Halves, found: Sequence[Half], model: str) -> Floats | None:
    """Return the mean over repetitions of what a network says of each row that it predicted."""
    said = [half for half in found if half.trial.model == model]
    if not said:
        return None
    every = np.full((len(said), len(halves.mos)), np.nan)
    for line, half in zip(every, said, strict=True):
        line[half.division.test] = half.predicted[half.division.test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows that nobody predicted
        return np.nanmean(every, axis=0)


def r_of(halves: Halves, half: Half) -> float:
    """Return the correlation of a trial with the true labels of its half, 0 of constants."""
    test = half.division.test
    return pearson(halves.mos[test], half.predicted[test]) or 0.0


def within(values: Sequence[float], band: Spread) -> tuple[float, float]:
    """Return the mean, and the share inside the band of noise."""
    inside = [band.low <= value <= band.high for value in values]
    return float(np.mean(values)), float(np.mean(inside))


def control_table(
    halves: Halves, control: Sequence[Half], null: Mapping[str, Mapping[str, Spread]]
) -> str:
    """Write how trainings on labels of chance go with the true ones."""
    band, lines = null["raw"]["pearson"], []
    for model in dict.fromkeys(half.trial.model for half in control):
        values = [r_of(halves, half) for half in control if half.trial.model == model]
        _, share = within(values, band)
        lines.append({
            "trained on labels of chance": _title(model), "draws": len(values),
            "mean ± SD": _spread(np.array(values), 3), "inside the band of noise": f"{share:.0%}",
        })  # fmt: skip
    lines.append({
        "trained on labels of chance": "noise", "draws": N_DRAWS,
        "mean ± SD": f"{band.mean:.3f} ± {band.sd:.3f} [{band.low:.3f}, {band.high:.3f}]",
        "inside the band of noise": "95%",
    })  # fmt: skip
    return table(lines)


def _title(model: str) -> str:
    return MODELS[model].title.replace(" (paper 004)", "") if model in MODELS else model


def require_trials(context: Context) -> None:
    """Raise StageError if the preset asks for no trial that these tables show."""
    wanted = context.preset.protocols.wanted()
    if not any(wanted[protocol] for protocol in IN_HALVES):
        raise StageError(
            "the preset has no protocol grouped, stratified or random_labels; name networks under "
            "[protocols], and run it"
        )
