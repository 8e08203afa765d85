"""Who trains, who validates and who is predicted in each trial: pure functions of the rows.

Groups are those of the split (a recording, an artist, equal samples), so that no trial predicts
music that it met; ``stratified`` alone deals rows, as paper 004 does. Darker copies never train and
are predicted where their recording is. Test recordings never train and never stop a training, in
any protocol.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from musqa_pipeline.catalogs.demo_music.catalog import TIER as SYNTHESISED_TIER
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_generator, unit_interval_hash
from musqa_pipeline.core.settings.models import ProtocolsSettings
from musqa_pipeline.stages.spectrograms.features.rows import KEYS
from musqa_pipeline.studies.statistics.stratified import (
    grouped_divisions,
    quantile_classes,
    stratified_divisions,
)

TEST_FOLD = "test"
RANDOM_LABELS = "random_labels"
BY_LABEL = ("grouped", "stratified")
"""Protocols whose folds have labels evenly spread."""
IN_HALVES = (*BY_LABEL, RANDOM_LABELS)
"""Protocols whose trials predict a half of such a fold."""
_TEST = pl.col("part") == "test"
_FREE = ~_TEST & ~pl.col("tier").is_in((SYNTHESISED_TIER, COPY_TIER))
"""What folds divide: recordings that are neither test nor synthesised, without darker copies."""
_DRAWN = pl.col("uniform_draw") | pl.col("natural_mix")


@dataclass(frozen=True)
class Trial:
    """One training, or one fit of a baseline."""

    protocol: str
    variant: str
    fold: str
    model: str
    repetition: int


@dataclass(frozen=True)
class Division:
    """Rows of a trial, as expressions on the rows' frame; none is in two of them."""

    train: pl.Expr
    validation: pl.Expr
    predicted: pl.Expr


def list_trials(rows: pl.DataFrame, settings: ProtocolsSettings) -> list[Trial]:
    """List the trials that a preset asks for."""
    trials = []
    for protocol, counts in settings.wanted().items():
        if protocol == RANDOM_LABELS:
            n_halves = 2 * settings.n_label_folds
            trials += [
                Trial(protocol, "", str(i % n_halves), model, i)
                for model, n in counts.items()
                for i in range(n)
            ]
            continue
        for variant, fold in _places(protocol, rows, settings) if counts else ():
            for model, n in counts.items():
                trials += [Trial(protocol, variant, fold, model, i) for i in range(n)]
    return sorted(trials, key=lambda t: t.repetition)  # a first look at everything comes early


def divide(trial: Trial, rows: pl.DataFrame, settings: ProtocolsSettings) -> Division:
    """Divide the rows for a trial.

    Raises StageError if one of the three is empty.
    """
    if trial.protocol in IN_HALVES and trial.fold != TEST_FOLD:
        return _checked(_divide_by_label(trial, rows, settings), trial, rows)
    held, train_too, predicted_too = _TEST, pl.lit(True), pl.lit(True)
    repetition = 0
    match trial.protocol:
        case "repetitions":
            repetition = trial.repetition
        case "folds" if trial.fold != TEST_FOLD:
            held = _in_fold(rows, int(trial.fold), settings)
        case "leave_codec_out":
            has_it = (pl.col("first_name") == trial.fold) | (pl.col("last_name") == trial.fold)
            held = _TEST | _in_fold(rows, 0, settings)
            train_too, predicted_too = ~has_it, has_it
        case "singles_to_cascades":
            held = _TEST | _in_fold(rows, 0, settings)
            train_too, predicted_too = pl.col("depth") <= 1, pl.col("depth") > 1
        case "synthesised_to_real":
            held = pl.col("tier") != SYNTHESISED_TIER
        case "real_to_synthesised":
            held = pl.col("tier") == SYNTHESISED_TIER
        case "learning_curve" | "ablations":
            held = _TEST | _in_fold(rows, 0, settings)
    free = rows.filter(~held & ~_TEST)
    own = free["split_group"].unique().to_list()
    groups = in_hash_order(own, "protocols-validation", repetition)
    n_validation = max(1, round(settings.validation_fraction * len(groups)))
    validation = pl.col("split_group").is_in(groups[:n_validation])
    training = in_hash_order(groups[n_validation:], "protocols-curve", 0)
    if trial.protocol == "learning_curve":
        training = training[: max(1, round(float(trial.variant) * len(training)))]
    trains = ~held & ~_TEST & train_too & (pl.col("tier") != COPY_TIER)
    division = Division(
        train=trains & pl.col("split_group").is_in(training),
        validation=trains & validation,
        predicted=held & predicted_too & _DRAWN,
    )
    return _checked(division, trial, rows)


def held_groups(trial: Trial, rows: pl.DataFrame, settings: ProtocolsSettings) -> list[str]:
    """Return the groups of recordings of which a trial's network may have heard nothing before.

    Those that it predicts; where the halves of a fold change places, all of the fold, so that one
    body serves both and what stops a training is new to it, too.
    """
    division = divide(trial, rows, settings)
    held = division.predicted
    if trial.protocol in IN_HALVES and trial.fold != TEST_FOLD:
        held = _FREE & ~division.train
    return sorted(set(rows.filter(held)["split_group"]))


def _divide_by_label(trial: Trial, rows: pl.DataFrame, settings: ProtocolsSettings) -> Division:
    """Divide recordings that are neither test nor synthesised, with labels evenly spread.

    Synthesised music trains in every fold.
    """
    free = rows.filter(_FREE).sort(KEYS)
    groups = free["split_group"].to_numpy()
    n_halves, n_groups = 2 * settings.n_label_folds, len(np.unique(groups))
    n_least = n_halves * settings.n_label_classes
    if free.height < n_least or n_groups < n_halves:
        raise StageError(
            f"protocol {trial.protocol}: {free.height} rows of {n_groups} groups of recordings, "
            f"but {settings.n_label_classes} classes in {n_halves} halves of folds need {n_least} "
            f"rows of {n_halves} groups; lower [protocols] n_label_classes or n_label_folds, or "
            "add music"
        )
    classes = quantile_classes(free["label"], settings.n_label_classes)
    grouped = trial.protocol != "stratified"
    divisions = (
        grouped_divisions(classes, groups, "protocols", n_folds=settings.n_label_folds)
        if grouped
        else stratified_divisions(classes, "protocols", n_folds=settings.n_label_folds)
    )
    own = divisions[int(trial.fold)]
    # Among rows that are dealt one by one, a copy has its recording on both sides.
    copied = np.unique(groups[own.test]).tolist() if grouped else []
    copies = (pl.col("tier") == COPY_TIER) & pl.col("split_group").is_in(copied)
    return Division(
        train=_among(free[own.train]) | (~_TEST & (pl.col("tier") == SYNTHESISED_TIER)),
        validation=_among(free[own.validation]),
        predicted=(_among(free[own.test]) | (~_TEST & copies)) & _DRAWN,
    )


def with_labels_of_chance(
    rows: pl.DataFrame, division: Division, repetition: int, allowed: pl.Expr
) -> pl.DataFrame:
    """Give rows that train or validate Gaussian labels of the training labels' mean and SD.

    `allowed` are the rows that may train at all. A row's own draw depends on nothing but its name
    and the repetition.
    """
    known = rows.filter(division.train & allowed)["label"].to_numpy()
    drawn = [
        derive_generator("protocols.random-labels", repetition, *key).normal()
        for key in rows.select(KEYS).iter_rows()
    ]
    noise = pl.Series(known.mean() + known.std() * np.array(drawn))
    chosen = division.train | division.validation
    return rows.with_columns(label=pl.when(chosen).then(noise).otherwise("label"))


def _among(rows: pl.DataFrame) -> pl.Expr:
    key = pl.concat_str(KEYS, separator="/")
    return key.is_in(rows.select(key).to_series().to_list())


def _checked(division: Division, trial: Trial, rows: pl.DataFrame) -> Division:
    for what in ("train", "validation", "predicted"):
        if rows.filter(getattr(division, what)).is_empty():
            raise StageError(
                f"protocol {trial.protocol}, part {trial.fold or 'whole'}: no rows for {what}; add "
                "music, or leave the protocol out of the preset"
            )
    return division


def _places(
    protocol: str, rows: pl.DataFrame, settings: ProtocolsSettings
) -> Iterable[tuple[str, str]]:
    """Yield variant and fold of each trial of a protocol."""
    n_folds = {"folds": settings.n_folds, **dict.fromkeys(BY_LABEL, 2 * settings.n_label_folds)}
    if protocol in n_folds:
        folds = [("", str(fold)) for fold in range(n_folds[protocol])]
        # A catalog whose tracks are all predicted out of fold need not give up a test part.
        return folds if rows.filter(part="test").is_empty() else [*folds, ("", TEST_FOLD)]
    if protocol == "leave_codec_out":
        names = {*rows["first_name"].to_list(), *rows["last_name"].to_list()} - {"reference"}
        if absent := sorted(set(settings.left_out) - names):
            raise StageError(
                f"[protocols] left_out: no row has {absent[0]!r}; these rows have "
                f"{', '.join(sorted(names))}; edit the preset"
            )
        return [("", name) for name in sorted(set(settings.left_out) or names)]
    if protocol == "learning_curve":
        return [(f"{share:g}", "") for share in settings.curve_fractions]
    return [("", "")]


def _in_fold(rows: pl.DataFrame, fold: int, settings: ProtocolsSettings) -> pl.Expr:
    """Rows of one fold of the recordings that are neither test nor synthesised."""
    place = folds_of(rows.filter(_FREE), settings.n_folds)
    return pl.col("split_group").is_in(sorted(g for g, number in place.items() if number == fold))


def folds_of(rows: pl.DataFrame, n_folds: int) -> dict[str, int]:
    """Divide groups of recordings into folds of about as many rows."""
    n_rows = dict(rows.group_by("split_group").agg(n=pl.len()).iter_rows())
    filled = np.zeros(n_folds)
    fold_of = {}
    # Large groups first, each to the emptiest fold: folds of equal size.
    for group in sorted(in_hash_order(n_rows, "protocols-folds", 0), key=lambda g: -n_rows[g]):
        fold_of[group] = int(np.argmin(filled))
        filled[fold_of[group]] += n_rows[group]
    return fold_of


def in_hash_order(groups: Iterable[str], purpose: str, repetition: int) -> list[str]:
    """Order groups by a hash of their own, which no other group moves."""
    return sorted(groups, key=lambda group: (unit_interval_hash(purpose, repetition, group), group))
