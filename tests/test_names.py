"""The names that `musqa_pipeline` itself has: what they are, and what asking for them loads."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import musqa_pipeline
from musqa_pipeline.scoring.scorer import Scorer
from tests import ROOT

USER_SCRIPT = """
from pathlib import Path
import numpy as np
from musqa_pipeline import Score, Scorer, __version__, visqol_mos

def good(path: Path) -> bool:
    score: Score = Scorer().score_file(path)
    return score.mos is not None and score.mos > 4

noise = np.random.default_rng(0).normal(size=(2, 96_000)).astype(np.float32)
mos: float = visqol_mos(noise, noise, 48_000)
text: str = __version__
scores: list[Score] = [Scorer()(noise, 48_000), *Scorer().score_batch([noise], 48_000)]
scores += Scorer()([noise, noise], 48_000)
scores += Scorer()((noise, noise), 48_000, window_s=5.0)
scores.append(Scorer()([0.1, 0.2], 48_000))
"""


def test_each_name_is_what_it_says():
    assert musqa_pipeline.Scorer is Scorer
    assert musqa_pipeline.__version__ == version("musqa-pipeline")
    for name in musqa_pipeline.__all__:
        assert name in dir(musqa_pipeline)
        assert getattr(musqa_pipeline, name)
    with pytest.raises(AttributeError, match="'musqa_pipeline' has no attribute 'scorer2'"):
        _ = musqa_pipeline.scorer2


@pytest.mark.parametrize(
    ("line", "loaded", "spared"),
    [
        ("import musqa_pipeline", (), ("numpy", "onnxruntime", "numba")),
        ("from musqa_pipeline import Scorer", ("numpy",), ("torch", "numba", "polars", "dagster")),
        (
            "from musqa_pipeline import Scorer, visqol_mos",
            ("musqa_pipeline.audio.metrics.visqol_mos",),
            ("numba", "scipy", "onnxruntime", "torch", "polars", "dagster"),
        ),
        ("from musqa_pipeline import MusicQuality", ("torch",), ("lightning", "polars", "dagster")),
    ],
)
def test_nothing_is_loaded_that_is_not_asked_for(line, loaded, spared):
    asked = f"import sys\n{line}\nprint(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert set(loaded) <= set(modules)
    assert not set(spared) & set(modules)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in [n for n in sys.modules if n.startswith("musqa_pipeline.audio.metrics")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"visqol_mos needs numba; install .*\[label\]"):
        _ = musqa_pipeline.visqol_mos


def test_types_are_there_for_users(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(USER_SCRIPT)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent",
         f"--cache-dir={tmp_path}", str(script)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout
