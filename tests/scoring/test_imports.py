"""What the scorer costs before it scores: half a second, and nothing of the factory."""

import json
import subprocess
import sys

from tests.audio.sounds import noise, write
from tests.scoring.small_pair_model import write_pair_model

HEAVY = (
    "scipy.signal", "onnxruntime", "pyloudnorm", "torch", "dagster", "polars", "pyarrow", "duckdb",
    "numba", "sklearn", "matplotlib", "jinja2", "av", "pedalboard", "psutil", "PIL",
    "pydantic",
)  # fmt: skip
BASE = ("scipy.signal", "onnxruntime", "pyloudnorm", "pydantic")  # the last by typer alone
FACTORY = tuple(name for name in HEAVY if name not in BASE)
BARRED_NAMES = (*FACTORY, "fastapi", "uvicorn", "onnx", "visqol", "lightning", "threadpoolctl")
"""What the base installation has not."""
REPORT = """
import json, resource, sys
{program}
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, sorted(sys.modules)]))
"""


def fresh(program):
    """Run a program in a fresh interpreter; returns CPU seconds and the modules it loaded."""
    ended = subprocess.run(
        [sys.executable, "-c", REPORT.format(program=program)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, modules = json.loads(ended.stdout.splitlines()[-1])
    return seconds, set(modules)


def test_importing_the_scorer_is_cheap():
    empty_s, _ = fresh("")
    # The least of a few: another process may have taken the core's caches meanwhile.
    tries = [fresh("import musqa_pipeline.scoring") for _ in range(2)]
    assert min(seconds for seconds, _ in tries) - empty_s < 0.5
    assert tries[0][1].isdisjoint(HEAVY)


def test_the_other_modules_are_no_heavier():
    names = [f"scoring.{name}" for name in ("batch", "gate", "inputs", "stream", "words", "speech")]
    names.append("audio.files.decode_child")
    _, modules = fresh("; ".join(f"import musqa_pipeline.{name}" for name in names))
    assert modules.isdisjoint(HEAVY)


def test_scoring_needs_nothing_of_the_factory(model_path):
    program = f"""
import numpy as np
from musqa_pipeline.scoring import Scorer
x = np.random.default_rng(0).standard_normal((480_000, 2)).astype(np.float32)
assert Scorer({str(model_path)!r}).score(0.1 * x, 48_000).mos is not None
"""
    _, modules = fresh(program)
    assert modules.isdisjoint(FACTORY)
    assert "onnxruntime" in modules


BARRED = """
import sys

import scipy.signal  # it asks a barred torch for its class of tensors
for name in {names!r}:
    sys.modules[name] = None
from musqa_pipeline.cli.app import main
sys.argv = ["musqa", *{arguments!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""


def barred(*arguments):
    """Run a command without what the base installation has not."""
    return fresh(BARRED.format(names=BARRED_NAMES, arguments=tuple(map(str, arguments))))


def test_the_commands_of_the_scorer_run_with_the_base_installation_alone(model_path, tmp_path):
    path = write(tmp_path / "x.wav", noise(4, rate_hz=8_000), 8_000)
    barred("gate", path, "--min-mos", "1", "--model", model_path)


def test_files_are_compared_with_the_base_installation_alone(tmp_path):
    model = write_pair_model(tmp_path / "pairs.onnx")
    path = write(tmp_path / "x.flac", noise(12, rate_hz=44_100), 44_100, subtype="PCM_16")
    barred("compare", path, path, "--model", model, "--timeline")


def test_a_comparison_loads_no_scipy_which_costs_half_a_second(tmp_path):
    model = write_pair_model(tmp_path / "pairs.onnx")
    path = write(tmp_path / "x.wav", noise(12))
    program = f"""
from musqa_pipeline.cli.app import main
sys.argv = ["musqa", "compare", {str(path)!r}, {str(path)!r}, "--model", {str(model)!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""
    _, modules = fresh(program)
    assert "onnxruntime" in modules
    assert modules.isdisjoint({"scipy.fft", "scipy.signal", "torch", "pyarrow", "numba"})


def test_a_command_of_the_scorer_loads_nothing_of_the_factory():
    program = """
from musqa_pipeline.cli.app import main
sys.argv = ["musqa", "score", "--help"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""
    _, modules = fresh(program)
    assert modules.isdisjoint({*FACTORY, "musqa_pipeline.cli.factory"} - {"psutil"})
