"""`musqa sweep`: rate-quality curves of codecs, and BD-rate between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import OtherModelOption, one_form, wrong_usage
from musqa_pipeline.core.foreign_text import json_text

if TYPE_CHECKING:
    from musqa_pipeline.scoring.sweep.sweep import Sweep

LITTLE_OVERLAP = 0.25
"""Below this part of the narrower curve's range, a BD-rate says little; the line says so."""
HELP = """Encode references at many bitrates and draw quality over bitrate.

REF is a file of music, best lossless, or a folder of them. Excerpts of 10 s (mono, 48 kHz) are
encoded and decoded, and ViSQOL (which sees the reference) and the model (which does not) score
them side by side. Bitrates are measured from the bitstream. With several codecs, the BD-rate of
each against the first says how much bitrate it needs for equal quality.

Codecs: opus, aac, vorbis, mp3, mp2.

Examples:

\b
  musqa sweep master.flac --codec opus --bitrates 24:256
  musqa sweep masters/ --codec mp3 --codec opus --out curves
  musqa sweep master.wav --codec aac --bitrates 24,32,48,64 --csv
"""


def sweep(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="A file, or a folder of them.")],
    codec: Annotated[
        list[str],
        typer.Option("--codec", help="Codec; repeat it to compare. The first is the anchor."),
    ],
    bitrates: Annotated[
        str, typer.Option("--bitrates", help="Range 24:256, or list 24,32,48, in kbit/s for mono.")
    ] = "24:256",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Write CSV, JSON and pictures there."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the curves as CSV.")] = False,
    excerpts: Annotated[
        int, typer.Option("--excerpts", min=1, max=100, help="Excerpts of 10 s a file.")
    ] = 3,
    model: OtherModelOption = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Worker processes.")] = 1,
) -> None:
    """Draw rate-quality curves; `HELP` says it to users."""
    one_form(as_json=as_json, as_csv=as_csv)
    from musqa_pipeline.scoring.sweep.rates import steps_kbps
    from musqa_pipeline.scoring.sweep.sweep import as_record, curve_row, write_sweep
    from musqa_pipeline.scoring.sweep.sweep import sweep as run

    with wrong_usage():
        codecs = {name: steps_kbps(name, bitrates) for name in codec}
    result = run(reference, codecs, model=model, n_per_file=excerpts, n_workers=workers)
    for line in result.refused:
        output.say(f"warning: {line}", err=True)
    if as_json:
        output.data(json_text(as_record(result), allow_nan=False))
    elif as_csv:
        rows = [curve_row(step) for step in result.steps]
        output.table(rows, tuple(rows[0]), as_json=False, as_csv=True, empty="")
    else:
        _print_tables(result)
    if out is not None:
        for path in write_sweep(result, out):
            output.say(f"wrote {path}", err=True)


def _print_tables(result: Sweep) -> None:
    from musqa_pipeline.scoring.sweep.sweep import curve_row

    n = len(result.recordings)
    output.say(f"{n} recording{'s' * (n > 1)}, {result.metric}, model {result.model}\n")
    columns = ("codec", "asked_kbps", "bitrate_kbps", "visqol_mos", "model_mos")
    rows = []
    for step in result.steps:
        row = curve_row(step)
        shown: dict[str, Any] = {name: row[name] for name in columns[:2]}
        shown["bitrate_kbps"] = _number(row["bitrate_kbps"], ".1f")
        for name in columns[3:]:
            shown[name] = _with_ends(row[name], row[f"{name}_low"], row[f"{name}_high"], ".2f")
        rows.append(shown)
    output.table(rows, columns, as_json=False, empty="")
    for found in result.comparisons:
        name = "ViSQOL" if found.metric == "visqol" else "the model"
        what = f"BD-rate of {found.codec} against {found.anchor} by {name}"
        if found.result is None:
            output.say(f"\n{what}: none, {found.problem}")
            continue
        percent = _with_ends(found.result.percent, found.low_percent, found.high_percent, "+.1f")
        span = f"MOS {found.result.mos_low:.2f} to {found.result.mos_high:.2f}"
        little = ", little overlap" if found.result.overlap_frac < LITTLE_OVERLAP else ""
        output.say(f"\n{what}: {percent} % ({span}{little})")


def _number(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)


def _with_ends(value: float | None, low: float | None, high: float | None, spec: str) -> str:
    ends = "" if low is None else f" ({_number(low, spec)} to {_number(high, spec)})"
    return _number(value, spec) + ends
