"""Take the pictures of the pages of models, drift and costs, with made-up histories.

Run it with ``python docs/scripts/take_history_pictures.py`` from the checkout; it needs Chromium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "docs/scripts")]

from small_pictures import make_small  # noqa: E402
from take_pictures import PICTURES, photograph, photograph_narrow  # noqa: E402

from musqa_pipeline.operations.costs.page import render_costs  # noqa: E402
from musqa_pipeline.release.drift.page import render_drift  # noqa: E402
from musqa_pipeline.release.promotion.reports import render_history  # noqa: E402
from tests.operations.costs.test_stage_runs import made_up_runs  # noqa: E402
from tests.release.drift.test_drift import made_up_records  # noqa: E402
from tests.release.promotion.made_up import made_up_history  # noqa: E402

HEIGHTS = {"models": 1600, "drift": 2650, "costs": 1500}


def main() -> None:
    """Take them."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("error: no Chromium found; run `make browser` as root, or install one")
    pages = {
        "models": render_history("made_up", made_up_history()),
        "drift": render_drift("made_up", made_up_records()),
        "costs": render_costs("made_up", made_up_runs()),
    }
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in pages.items():
            page = Path(folder) / f"{name}.html"
            page.write_text(text, encoding="utf-8")
            photograph(chromium, page.as_uri(), f"{name}.png", 1400, HEIGHTS[name])
        photograph_narrow(chromium, Path(folder) / "models.html", "models_phone.png", 400, 1500)
    for name in (*pages, "models_phone"):
        make_small(PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
