"""Reports where people look for them: ``reports/<preset>/`` of the home, and a list of all.

The lake keeps one report per fingerprint; here lies the newest of each preset, under an address
that stays.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from musqa_pipeline.context import Context
from musqa_pipeline.disk import exclusive_lock, whole_file
from musqa_pipeline.errors import StageError
from musqa_pipeline.evaluation.slices import HOLDOUT
from musqa_pipeline.evaluation.stage import HTML_FILE, JSON_FILE, PREDICTIONS_FILE, report_folder
from musqa_pipeline.evaluation.summary import number, shown_name


def reports_folder(home: Path) -> Path:
    """Return the folder of all reports of a home (it may not exist yet)."""
    return home / "reports"


def publish_report(context: Context) -> Path:
    """Copy the report of a context to ``reports/<preset>/`` and list it in ``index.html``.

    Parameters
    ----------
    context : Context
        Of the joint stages; its evaluation is done.

    Returns
    -------
    Path
        The published page.

    Raises
    ------
    StageError
        If there is no report to publish.
    LakeError
        If the disk is full or read-only; older reports stay as they are.
    """
    source, home = report_folder(context), context.home
    if not (source / HTML_FILE).is_file():
        raise StageError(
            f"preset {context.preset.name} has no report yet; run the stage evaluation first"
        )
    folder = reports_folder(home) / context.preset.name
    with exclusive_lock(home / "locks" / "reports.lock"):
        for name in (PREDICTIONS_FILE, JSON_FILE, HTML_FILE):
            with whole_file(folder / name) as temporary:
                temporary.write_bytes((source / name).read_bytes())
        with whole_file(reports_folder(home) / "index.html") as temporary:
            temporary.write_text(render_index(list_reports(home)), encoding="utf-8")
    return folder / HTML_FILE


def list_reports(home: Path) -> list[dict[str, Any]]:
    """List the published reports with their main numbers.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.

    Returns
    -------
    list of dict
        preset, catalogs, model, summary, and r, rmse, n_recordings and n_rows of the model that the
        report shows first, on the uniform draw of its main protocol (None where there is none), and
        what was not run; sorted by preset.
    """
    found = []
    for path in sorted(reports_folder(home).glob(f"*/{JSON_FILE}")):
        report = json.loads(path.read_text(encoding="utf-8"))
        # Reports made before there were protocols have neither key.
        model = report.get("shown_first", report["headline_model"])
        protocol = report.get("protocol", HOLDOUT)
        cells = {
            row["metric"]: row
            for row in report["evaluations"]
            if (row.get("protocol", HOLDOUT), row.get("variant", "")) == (protocol, "")
            and (row["model"], row["draw"], row["slice"]) == (model, "uniform_draw", "all")
        }
        found.append(
            {
                "preset": report["preset"],
                "catalogs": report["catalogs"],
                "model": model,
                "summary": report["summary"],
                "r": cells["pearson"]["estimate"] if cells else None,
                "rmse": cells["rmse"]["estimate"] if cells else None,
                "n_recordings": cells["rmse"]["n_recordings"] if cells else None,
                "n_rows": cells["rmse"]["n_rows"] if cells else None,
                "not_run": report.get("not_run", []),
            }
        )
    return found


def render_index(reports: list[dict[str, Any]]) -> str:
    """Make the page that lists all reports.

    Parameters
    ----------
    reports : list of dict
        From `list_reports`.

    Returns
    -------
    str
        HTML, self-contained, with relative links.
    """
    folder = resources.files("musqa_pipeline.evaluation")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, shown=shown_name)
    template = environment.from_string((folder / "index.html.jinja").read_text(encoding="utf-8"))
    style = Markup((folder / "report.css").read_text(encoding="utf-8"))
    return template.render(reports=reports, style=style, page=HTML_FILE)
