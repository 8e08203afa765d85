"""Take the pictures of docs/automation.md.

``python docs/scripts/take_automation_pictures.py CHECKOUT``

CHECKOUT is a folder with a `dagster.yaml` in which the daemon has worked for a while, on several
catalogs. Its UI is started on a free port, photographed with headless Chromium and stopped again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from small_pictures import make_small
from take_pictures import GRAPH, GROUPS, PICTURES, free_port, photograph, wait_until_ready


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("error: no Chromium found; run `make browser` as root, or install one")
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "dagster.yaml").is_file():
        sys.exit("error: name a folder with a dagster.yaml in which the daemon has worked")
    root = Path(sys.argv[1]).absolute()
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)],
        cwd=root,
        env={**os.environ, "DAGSTER_HOME": str(root), "MUSQA_PROJECT": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        wait_until_ready(port, server)
        base = f"http://127.0.0.1:{port}"
        expanded = "%2C".join(f"global%40global%3A{group}" for group in GROUPS)
        photograph(chromium, f"{base}/automation", "automation.png", 1400, 480)
        graph = f"{base}/asset-groups?expanded={expanded}"
        photograph(chromium, graph, "automation_graph.png", 2000, 2100)
        make_small(PICTURES / "automation_graph.png", GRAPH)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(timeout=60)


if __name__ == "__main__":
    main()
