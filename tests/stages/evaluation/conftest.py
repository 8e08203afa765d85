"""One made-up report for all tests of the page."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from musqa_pipeline.stages.evaluation.report import render_report
from tests.stages.evaluation.made_up import made_up_content, made_up_predictions
from tests.stages.evaluation.made_up_protocols import full_content


@pytest.fixture(scope="session")
def predictions():
    return made_up_predictions()


@pytest.fixture(scope="session")
def content():
    return made_up_content()


@pytest.fixture(scope="session")
def plain(content):
    """The same with one network and nothing to look at or listen to: quick to render."""
    models = ["cnn1d", "mean", "upper_edge"]
    return replace(
        content,
        predictions=content.predictions.filter(pl.col("model").is_in(models)),
        evaluations=content.evaluations.filter(pl.col("model").is_in(models)),
        differences=[],
        runs=content.runs[:1],
        examples=[],
    )


@pytest.fixture(scope="session")
def page(content):
    return render_report(content)


@pytest.fixture(scope="session")
def full():
    """Protocols, repetitions and networks of every kind; nothing to look at."""
    return full_content(n_bootstrap=100, media=False)
