"""Take the pictures of the UI and of the demo's report: ``make pictures`` (after ``make demo``).

Starts ``dagster dev`` on a free port, photographs the asset graph, an asset's page and the report
with headless Chromium, and stops it again.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from small_pictures import make_small

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--disable-default-apps",
    "--hide-scrollbars",
)
GROUPS = ("references", "labelling", "training", "reports")
GRAPH = (545, 115, 1972, 1850)
"""Where the graph lies in the window, without the menus beside it."""
READY_WITHIN_S = 120


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("error: no Chromium found; run `make browser` as root, or install one")
    home = Path(os.environ.get("MUSQA_HOME") or ROOT / "data")
    report = home / "reports" / "demo" / "report.html"
    if not report.exists():
        sys.exit(f"error: {report} does not exist; run `make demo` first")
    PICTURES.mkdir(parents=True, exist_ok=True)
    photograph(chromium, report.as_uri(), "report.png", 1400, 1750)
    photograph(chromium, report.as_uri(), "report_dark.png", 1400, 1750, dark=True)
    photograph_narrow(chromium, report, "report_phone.png", 400, 1600)
    port = free_port()
    server = start_dagster(port)
    try:
        wait_until_ready(port, server)
        base = f"http://127.0.0.1:{port}"
        expanded = "%2C".join(f"global%40global%3A{group}" for group in GROUPS)
        photograph(chromium, f"{base}/asset-groups?expanded={expanded}", "graph.png", 2000, 2100)
        make_small(PICTURES / "graph.png", GRAPH)
        photograph(chromium, f"{base}/assets/labels?partition=demo", "asset.png", 1300, 1550)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(timeout=60)


def photograph(
    chromium: str, url: str, name: str, width: int, height: int, *, dark: bool = False
) -> None:
    """Save a screenshot of a page, if wanted as a reader with a dark screen sees it."""
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                chromium,
                *CHROMIUM_FLAGS,
                *scheme,
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "--virtual-time-budget=20000",
                f"--screenshot={PICTURES / name}",
                url,
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
    print(f"docs/pictures/{name}: {(PICTURES / name).stat().st_size // 1000} kB")


def photograph_narrow(chromium: str, page: Path, name: str, width: int, height: int) -> None:
    """Save a screenshot of a page in a frame: Chromium's own window is at least 500 wide."""
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "frame.html"
        frame.write_text(
            f'<body style="margin:0"><iframe src="{page.as_uri()}" width="{width}" '
            f'height="{height}" style="border:0"></iframe></body>'
        )
        photograph(chromium, frame.as_uri(), name, 500, height)
    make_small(PICTURES / name, (0, 0, width, height))


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_dagster(port: int) -> subprocess.Popen[bytes]:
    """Start ``dagster dev`` in a process group of its own."""
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "-h", "127.0.0.1"]
    environment = {**os.environ, "DAGSTER_HOME": str(ROOT), "MUSQA_PRESET": "demo"}
    return subprocess.Popen(
        [*command, "-p", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the UI answers."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit("error: dagster dev ended; run it by hand to see why")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"error: dagster dev did not answer within {READY_WITHIN_S} s")


if __name__ == "__main__":
    main()
