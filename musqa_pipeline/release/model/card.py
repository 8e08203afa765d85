"""The model card: what a release is made of, how well it does, and what it cannot do.

All numbers come from the graph; the sentences around them are here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from musqa_pipeline.catalogs.demo_music.catalog import TIER as SYNTHESISED_TIER
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.foreign_text import markdown_table, markdown_text
from musqa_pipeline.core.settings.evaluation import ReleaseSettings
from musqa_pipeline.release.model.accuracy import ASKED
from musqa_pipeline.release.model.against_shipped import against_markdown
from musqa_pipeline.release.model.divisions import FINAL, divide
from musqa_pipeline.release.model.gates import Gate
from musqa_pipeline.release.model.hub import LICENCE
from musqa_pipeline.release.model.unusual_music import unusual_markdown

COVERED = {
    "out_of_fold": "out of fold, each by a calibration without it",
    "test": "test recordings",
    "left_out": "kept out for their terms",
    "test_with_untrusted_labels": "test recordings, with labels that are not trusted",
}


@dataclass(frozen=True)
class Facts:
    """What a card is made of."""

    settings: ReleaseSettings
    rows: pl.DataFrame
    """From `stage.read_release_rows`."""
    accuracy: list[dict[str, Any]]
    """From `accuracy.accuracy_rows`."""
    calibration: Mapping[str, Any]
    coverage: Mapping[str, Any]
    certificate: Mapping[str, Any]
    gates: Sequence[Gate]
    against: Mapping[str, Any] | None
    """From `against_shipped.hold_against`."""
    attribution: str
    """Markdown."""
    parameters: int
    members: int


def model_card(facts: Facts) -> str:
    """Write the card."""
    settings = facts.settings
    sections = [
        f"# {settings.name} {settings.version}",
        "Predicts ViSQOL's MOS-LQO (v3, audio mode; 1 to 4.73) of 10 s of music without a "
        "reference, and says a distribution over 40 steps of quality and a distance from its "
        "training data. "
        f"{facts.parameters:,} numbers, {facts.members} members. {LICENCE}. The words for "
        "its scores are in docs/scoring.md, how it was made in docs/model_release.md.",
        "## Data",
        _data(facts),
        "## How it was made",
        f"{_trained(settings.n_seeds)} for a fixed number of epochs; nothing stops or selects one. "
        f"The same recipe is trained {settings.n_folds * settings.n_seeds} times more, each time "
        "without one fold of the recordings (by recording and artist). What these say of the "
        "recordings that they never met is the evidence below, and alone calibrates the intervals. "
        "Test recordings neither train nor calibrate. Design and recipe of the network were chosen "
        "on such predictions of the same recordings, so that the out-of-fold figures may be a "
        "little kind.",
        "## Accuracy",
        _accuracy(facts.accuracy),
        "## Intervals",
        _intervals(facts),
        "## What it does not know",
        _unknown(facts),
        "## Gates",
        _gates(facts.gates),
        "## Against the shipped model",
        against_markdown(facts.against),
        "## Certificate",
        _certificate(facts.certificate["invariance"]),
        f"torch and onnxruntime differ by {facts.certificate['torch_and_onnxruntime']:.1g} at most "
        "on stored excerpts.",
        "## Sense",
        _sense(facts.certificate["sense"]),
        "## Limits",
        LIMITS,
        "## Recordings",
        facts.attribution,
    ]
    return "\n\n".join(sections) + "\n"


def _trained(n_seeds: int) -> str:
    if n_seeds == 1:
        return "All rows above train one network"
    return f"All rows above train each of {n_seeds} networks, whose answers are averaged,"


LIMITS = """\
- It predicts a metric, not a listener: what ViSQOL does not hear (hum, clicks, spectral holes,
  faults of the stereo image) does not lower a score. The detectors look for these.
- It has no reference. Music that was made dull looks like music that was cut; the error is mostly
  one and the same for all that is made of a song, and the interval says how large it can be.
- It hears the mean of the channels, at 48 kHz, in windows of 10 s. Speech, noise and tones are none
  of its business.
- Its recordings are few, most of them short, and many come from test suites and games; music unlike
  them may be off by more than the interval says."""


def _data(facts: Facts) -> str:
    train = divide(facts.rows, FINAL, facts.settings.n_folds).train
    made, copy = pl.col("tier") == SYNTHESISED_TIER, pl.col("tier") == COPY_TIER
    untested = pl.col("part") != "test"
    parts = {
        "recordings": train.filter(~made),
        "synthesised by musqa": train.filter(made),
        "all that trains": train,
        "test recordings, never trained on": facts.rows.filter(~untested),
        "darker copies, never trained on": facts.rows.filter(copy & untested),
        "kept out for their terms": facts.rows.filter(~pl.col("allowed") & ~copy & untested),
    }
    terms = train.filter(~made).group_by("licence").agg(n=pl.col("track_id").n_unique())
    said = ", ".join(f"{markdown_text(name)} {n}" for name, n in terms.sort("licence").rows())
    return (
        markdown_table("| recordings | groups | rows", [_size(*part) for part in parts.items()])
        + f"\n\nTerms of the recordings that train: {said}.{_further(train)}"
    )


def _further(train: pl.DataFrame) -> str:
    if "further" not in train.columns:
        return ""
    counts = train.drop_nulls("further").group_by("further").len().sort("further").rows()
    said = ", ".join(f"{n:,} of {name}" for name, n in counts)
    return f" Further rows of the same recordings are among these: {said}."


def _size(words: str, rows: pl.DataFrame) -> tuple[object, ...]:
    n = rows.select("catalog", "track_id").n_unique() if rows.height else 0
    return words, n, rows["split_group"].n_unique(), f"{rows.height:,}"


def _accuracy(rows: Iterable[Mapping[str, Any]]) -> str:
    lines = [
        (
            *(ASKED[row["asked"]], row["subset"], row["n_recordings"], f"{row['n_rows']:,}"),
            *(_spread(row, name) for name in ("pearson", "rmse", "mae")),
        )
        for row in rows
    ]
    heads = "asked | rows | groups | n | Pearson's r | RMSE | mean absolute error"
    return (
        "Errors in MOS; 95 % intervals by a bootstrap over groups of recordings.\n\n"
        + markdown_table(heads, lines)
    )


def _intervals(facts: Facts) -> str:
    covered, folds = facts.coverage, facts.coverage["out_of_fold"]
    lines = [_covered(covered[name], words) for name, words in COVERED.items() if name in covered]
    for row in (*folds["by_quality"], *folds["by_distance"]):
        lines.append(_covered(row, f"out of fold, {row['what']}"))
    return (
        f"Each score has a {facts.calibration['level']:.0%} interval. Share of the labels that lie "
        "within it, each group of recordings one vote, and the mean half width in MOS:\n\n"
        + markdown_table("| covered | 95 % interval of that | groups | ± MOS", lines)
    )


def _covered(row: Mapping[str, Any], words: str) -> tuple[object, ...]:
    ends = "" if row["low"] is None else f"{row['low']:.2f}-{row['high']:.2f}"
    share, half_width = f"{row['share']:.3f}", f"{row['half_width_mos']:.2f}"
    return words, share, ends, row["n_recordings"], half_width


def _unknown(facts: Facts) -> str:
    not_music = facts.certificate["not_music"]
    return (
        "The distance is 1.0 where 99.5 % of the unmet recordings' rows, those with added noise "
        "left out, are nearer; the scorer abstains beyond. Of the test and kept out recordings' "
        f"rows {facts.coverage['beyond']['share']:.2%} lie beyond. Sounds that are no music:\n\n"
        + markdown_table(
            "sound | tried | refused",
            [(row["kind"], row["n"], row["n_abstained"]) for row in not_music],
        )
        + "\n\n"
        + unusual_markdown(facts.certificate["unusual_music"])
    )


def _gates(gates: Iterable[Gate]) -> str:
    lines = [
        (
            gate.what,
            gate.said(gate.found),
            gate.said(gate.limit),
            gate.n_recordings,
            f"{gate.n_rows:,}",
        )
        for gate in gates
    ]
    return (
        "A release is refused if one of these is not kept. All is said out of fold, by networks "
        "that never met the recording; points are of 100.\n\n"
        + markdown_table("what | found | at most | recordings | n", lines)
    )


def _certificate(rows: Iterable[Mapping[str, Any]]) -> str:
    lines = []
    for row in rows:
        limit = f"{row['limit_mos']:g}{'' if row['holds'] else ' (not held)'}"
        lines.append((row["what"], f"{row['largest_mos']:.4f}", limit, row["n"]))
    return (
        "Largest difference of two scores of the same music, twelve synthesised pieces of 15 s:\n\n"
        + markdown_table("change | largest difference, MOS | limit | pairs", lines)
    )


def _sense(sense: Mapping[str, Any]) -> str:
    steep, above = sense["steepest_mos_per_khz"], sense["above_original"]
    lowpasses = [
        (
            *(f"{point['cutoff_hz'] / 1000:g}", f"{point['predicted_mos']:.2f}"),
            *(f"{point['label_mos']:.2f}", _listeners(point["mushra"])),
        )
        for point in sense["lowpass"]
    ]
    codecs = []
    for codec, points in sense["codecs"].items():
        first, last = points[0], points[-1]
        predicted = (
            f"{first['predicted_mos']:.2f} at {first['bitrate_kbps']:g}, "
            f"{last['predicted_mos']:.2f} at {last['bitrate_kbps']:g} kbit/s"
        )
        labels = f"{first['label_mos']:.2f}, {last['label_mos']:.2f}"
        codecs.append((codec, predicted, labels, f"{sense['codec_fall_mos'][codec]:.2f}"))
    parts = [
        "Recordings that the network never met; means, each group one vote. Listeners: ODAQ, other "
        "music.",
        markdown_table("low-pass, kHz | predicted | label | listeners, MUSHRA", lowpasses),
        f"Largest fall as the cut-off rises: {sense['lowpass_fall_mos']:.2f} MOS. Steepest rise: "
        f"{steep['predicted_mos']:.2f} MOS per kHz, of the labels {steep['label_mos']:.2f}. From a "
        f"cut-off to the next the score falls by up to {sense['excess_mos']:.2f} MOS more than the "
        f"label{_worst_step(sense['excess'])}.",
        markdown_table(
            "codec | predicted, lowest and highest bitrate | labels | largest fall with bitrate",
            codecs,
        ),
    ]
    if sense["short"]:
        parts.append(
            "The same excerpts cut short: the score moves by "
            + "; ".join(
                f"{of['mean_points']:.1f} points on average and {of['most_points']:.1f} at most in "
                f"95 %, at {of['length_s']} s"
                for of in sense["short"]
            )
            + "."
        )
    if above["share"] is not None:
        ends = "" if above["low"] is None else f" ({above['low']:.1%} to {above['high']:.1%})"
        parts.append(
            f"Degraded copies that score above their original + 0.1: {above['share']:.1%}{ends} of "
            f"{above['n_rows']:,}."
        )
    return "\n\n".join(parts)


def _listeners(mushra: float | None) -> str:
    return "" if mushra is None else f"{mushra:g}"


def _worst_step(steps: Sequence[Mapping[str, Any]]) -> str:
    if not steps:
        return ""
    worst = max(steps, key=lambda step: step["excess_mos"])
    ends = (
        "" if worst["low"] is None else f", 95 % interval {worst['low']:.2f} to {worst['high']:.2f}"
    )
    return f" (from {worst['from_hz'] / 1000:g} to {worst['to_hz'] / 1000:g} kHz{ends})"


def _spread(row: Mapping[str, Any], name: str) -> str:
    if row[name] is None:
        return ""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.3f}" + ("" if low is None else f" ({low:.2f}-{high:.2f})")
