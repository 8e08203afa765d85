"""Reports where people look for them: ``reports/<preset>/`` of the home, and a list of all.

The lake keeps one report per fingerprint; here lies the newest of each preset, under an address
that stays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.home import Home
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.pages import render_page
from musqa_pipeline.stages.evaluation.slices import HOLDOUT
from musqa_pipeline.stages.evaluation.stage import (
    HTML_FILE,
    JSON_FILE,
    PREDICTIONS_FILE,
    report_key,
)
from musqa_pipeline.storage.stores.opening import open_store

REPORTS = "reports"
BESIDE = {
    "models.html": "models over time",
    "gan.html": "without labels",
    "opinions.html": "second opinions",
    "representations.html": "without music",
    "drift.html": "drift",
    "costs.html": "costs",
}
"""Pages that lie beside a report, if they were made, and what the list calls them."""


def reports_folder(home: Home) -> Path:
    """Return a folder of this machine with all reports of a home (it may not exist yet)."""
    return open_store(home).local_folder(REPORTS)


def publish_report(context: Context) -> Home:
    """Copy the report of a context to ``reports/<preset>/`` and list it in ``index.html``.

    Raises StageError if there is no report to publish.
    """
    store, source = context.lake.store, report_key(context)
    if not store.exists(f"{source}/{HTML_FILE}"):
        raise StageError(
            f"preset {context.preset.name} has no report yet; run the stage evaluation first"
        )
    folder = f"{REPORTS}/{context.preset.name}"
    with store.lock("reports"):
        for name in (PREDICTIONS_FILE, JSON_FILE, HTML_FILE):
            store.write_bytes(f"{folder}/{name}", store.read_bytes(f"{source}/{name}"))
    publish_index(context)
    return store.home / folder / HTML_FILE


def publish_index(context: Context) -> None:
    """List all reports in ``index.html``, with the pages that lie beside them."""
    store = context.lake.store
    with store.lock("reports"):
        reports = list_reports(context.home)
        package, template = "musqa_pipeline.stages.evaluation", "index.html.jinja"
        index = render_page(package, template, reports=reports, page=HTML_FILE)
        store.write_bytes(f"{REPORTS}/index.html", index.encode())


def place_page(context: Context, name: str, content: bytes) -> str:
    """Put a page beside the report of a preset."""
    key = f"{REPORTS}/{context.preset.name}/{name}"
    context.lake.store.write_bytes(key, content)
    return key


def list_reports(home: Home) -> list[dict[str, Any]]:
    """List the published reports with their main numbers."""
    store, found = open_store(home), []
    for preset in store.folders(REPORTS):
        key = f"{REPORTS}/{preset}/{JSON_FILE}"
        if not store.exists(key):
            continue
        report = json.loads(store.read_bytes(key))
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
                "pages": {
                    page: title
                    for page, title in BESIDE.items()
                    if store.exists(f"{REPORTS}/{preset}/{page}")
                },
            }
        )
    return found
