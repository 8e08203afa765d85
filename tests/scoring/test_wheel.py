"""What is installed from a wheel, with nothing of the factory, compares files by itself."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests import ROOT
from tests.audio.sounds import noise, write
from tests.scoring.test_imports import BARRED_NAMES, REPORT

COMPARE = """
for name in {names!r}:
    sys.modules[name] = None
import musqa_pipeline
from musqa_pipeline.cli.app import main
sys.argv = ["musqa", "compare", *{files!r}, "--json"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(musqa_pipeline.__file__)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of an unpacked wheel of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--wheel-dir", str(folder), str(ROOT)),
        ],
        check=True,
    )
    (wheel,) = folder.glob("musqa_pipeline-*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder / "site")
    return folder / "site"


def report(program, installed, folder):
    """What a program prints in a fresh interpreter that knows the unpacked wheel alone."""
    ended = subprocess.run(
        [sys.executable, "-c", REPORT.format(program=program)],
        env={**os.environ, "PYTHONPATH": str(installed)}, cwd=folder,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *said, measured = ended.stdout.splitlines()
    return said, json.loads(measured)[0]


@pytest.mark.long
def test_a_base_wheel_compares_a_pair_with_the_shipped_network(installed, tmp_path):
    sound = noise(10)
    reference = write(tmp_path / "reference.wav", sound)
    held = write(tmp_path / "held.wav", np.repeat(sound[::8], 8, axis=0))  # as at 6 kHz
    program = COMPARE.format(names=BARRED_NAMES, files=(str(reference), str(held)))
    (*lines, place), seconds = report(program, installed, tmp_path)
    assert Path(place).is_relative_to(installed)  # and not the checkout
    row = json.loads("\n".join(lines))
    assert row["model"] == "insenet 1.0"
    assert row["error"] is None
    assert 1.0 <= row["mos"] < 4.0
    _, start_s = report("", installed, tmp_path)
    print(f"musqa compare of 10 s: {seconds:.2f} s of CPU time, {start_s:.2f} s of it Python's")
