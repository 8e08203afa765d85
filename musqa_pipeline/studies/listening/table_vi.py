"""Every repetition of some networks against listeners, beside table VI of paper 001.

Mean and deviation over repetitions, Student's t of two networks over the repetitions that both
have, and of one network's r against the literature's (section IV.B and C). All repetitions predict
the same stimuli, which these tests do not know; the intervals, from a bootstrap over recordings,
speak of other stimuli.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.compare import Matched, match
from musqa_pipeline.studies.listening.mos import Opinion
from musqa_pipeline.studies.listening.table_vi_lines import (
    LITERATURE_R,
    PAPER_N,
    TABLE_VI,
    BesideTableVI,
    LiteratureLine,
    MeanLine,
    PairLine,
    paper_network,
)
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    interval,
    recording_counts,
    resampled_metrics,
)
from musqa_pipeline.studies.statistics.comparisons import one_sample_t, unpaired_t
from musqa_pipeline.studies.statistics.metrics import pearson, rmse, spearman
from musqa_pipeline.studies.statistics.repetitions import (
    Repeated,
    RepetitionTest,
    against_number,
    repetition_tests,
)

METRICS = {"pearson": pearson, "spearman": spearman, "rmse": rmse}
"""Table VI has the first and the last."""

Predictions = Mapping[tuple[str, int], Mapping[str, float]]
"""What each repetition of each network says of each file: by network and number, by file."""


def beside_table_vi(
    opinions: Sequence[Opinion],
    predictions: Predictions,
    *,
    references: bool = False,
    n_draws: int = 1000,
    seed: int = 0,
) -> BesideTableVI:
    """Compute table VI of these networks, and its tests.

    Parameters
    ----------
    opinions : sequence of Opinion
        In points of 100; those of several tests from `merge.merge`.
    predictions : mapping of (str, int) to (mapping of str to float)
        By network and repetition, by file, in points of 100. Repetition i of two networks shares
        its split.
    references : bool
        Whether hidden references count; the paper has degraded excerpts and anchors alone.
    n_draws, seed : int
        Resamples of recordings, where they are known.

    Returns
    -------
    BesideTableVI
        The paper's networks first, each with its variants.

    Raises
    ------
    SettingsError
        If there are no predictions, fewer than `compare.MIN_FILES` stimuli have one, or two
        repetitions did not predict the same.
    """
    if not predictions:
        raise SettingsError("there are no predictions to hold against listeners; train a network")
    matched = {
        key: match(opinions, predictions[key], references=references) for key in sorted(predictions)
    }
    first, whole = next(iter(matched.items()))
    for key, each in matched.items():
        if each.opinions != whole.opinions:
            counts = f"{len(whole.opinions)} and {len(each.opinions)}"
            raise SettingsError(
                f"{_words(first)} and {_words(key)} predict other stimuli of the tests ({counts}); "
                "predict all of them with every repetition"
            )
    found = dict(Counter(model for model, _ in predictions))
    models = _in_order(found)
    repeated = _repeated(matched, models)
    draws = _resampled(matched, n_draws, seed)
    means = []
    for model in models:
        for metric in METRICS:
            ends = interval(draws[model, metric], 0.95) if (model, metric) in draws else None
            low, high = ends or (None, None)
            paper = TABLE_VI.get(paper_network(model) or "", {}).get(metric)
            means.append(MeanLine(model, metric, repeated.get((model, metric)), low, high, paper))
    tests = {
        (t.first, t.second, t.metric): t
        for t in repetition_tests(repeated.values(), models, METRICS)
    }
    recording = whole.recording
    return BesideTableVI(
        len(whole.opinions),
        None if recording is None else len(set(recording.tolist())),
        found,
        tuple(means),
        tuple(_pairs(models, tests)),
        tuple(_literature(models, repeated)),
    )


def _in_order(found: Iterable[str]) -> list[str]:
    """Order networks as table VI: the paper's, each with its variants, then others."""
    present, ordered = list(found), []
    for name in TABLE_VI:
        ordered += [model for model in present if paper_network(model) == name] or [name]
    return ordered + [model for model in present if paper_network(model) is None]


def _repeated(
    matched: Mapping[tuple[str, int], Matched], models: Sequence[str]
) -> dict[tuple[str, str], Repeated]:
    """Compute every metric of every repetition; left out where one of them has none."""
    found = {}
    for model in models:
        own = {i: each for (name, i), each in matched.items() if name == model}
        for metric, compute in METRICS.items():
            values = [compute(each.mos, each.predicted) for each in own.values()]
            known = tuple(value for value in values if value is not None)
            if known and len(known) == len(values):
                found[model, metric] = Repeated(model, metric, known, tuple(own))
    return found


def _resampled(
    matched: Mapping[tuple[str, int], Matched], n_draws: int, seed: int
) -> dict[tuple[str, str], Any]:
    """Average metrics over repetitions in resamples of recordings that all of them meet."""
    recording = next(iter(matched.values())).recording
    if recording is None:
        return {}
    names, index = np.unique(recording, return_inverse=True)
    if len(names) < MIN_RECORDINGS:
        return {}
    counts = recording_counts(len(names), n_draws, "listening", seed)
    found: dict[tuple[str, str], list[Any]] = {}
    for (model, _), each in matched.items():
        draws = resampled_metrics(each.mos, each.predicted, index, counts)
        for metric in METRICS:
            found.setdefault((model, metric), []).append(draws[metric])
    return {key: np.mean(draws, axis=0) for key, draws in found.items()}


def _pairs(
    models: Sequence[str], tests: Mapping[tuple[str, str, str], RepetitionTest]
) -> list[PairLine]:
    lines = []
    for a, b in itertools.combinations(models, 2):
        for metric in METRICS:
            paper = None
            one, two = (TABLE_VI.get(paper_network(x) or "", {}) for x in (a, b))
            if one is not two and metric in one and metric in two:
                paper = unpaired_t(*one[metric], PAPER_N, *two[metric], PAPER_N)
            ours = tests.get((a, b, metric))
            if paper or (ours and (ours.paired or ours.unpaired)):
                lines.append(PairLine(a, b, metric, ours, paper))
    return lines


def _literature(
    models: Sequence[str], repeated: Mapping[tuple[str, str], Repeated]
) -> list[LiteratureLine]:
    lines = []
    for model in models:
        each = repeated.get((model, "pearson"))
        paper = None
        if network := paper_network(model):
            paper = one_sample_t(*TABLE_VI[network]["pearson"], PAPER_N, LITERATURE_R)
        ours = against_number(each, LITERATURE_R) if each else None
        if ours or paper:
            lines.append(LiteratureLine(model, ours, paper))
    return lines


def _words(key: tuple[str, int]) -> str:
    return f"{key[0]}, repetition {key[1]},"
