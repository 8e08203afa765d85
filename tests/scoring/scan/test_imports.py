"""The base installation is enough for a scan."""

import subprocess
import sys

ABSENT = ("dagster", "torch", "polars", "pyarrow", "numba", "jinja2", "matplotlib", "PIL", "av")


def test_a_scan_imports_nothing_of_the_factory():
    program = (
        "import sys, musqa_pipeline.cli.scan, musqa_pipeline.scoring.scan.scan\n"
        f"print(sorted(set({ABSENT}) & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


def test_the_command_line_does_not_load_the_scan_before_it_is_asked_for():
    program = (
        "import sys, musqa_pipeline.cli.app\n"
        "print(sorted(m for m in sys.modules if m.endswith(('scanning.scan', 'scanning.measure'))))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"
