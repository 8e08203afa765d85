"""One undisturbed run of the whole graph, which many tests look at."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.assets.checkout import Checkout, write_music

RUN = ("run", "--preset", "tiny.toml", "--json")
READER = textwrap.dedent(
    """
    import json, sys, time
    from pathlib import Path
    from musqa_pipeline.stages.views.duck import VIEWS, database_path, query
    home, stop = Path(sys.argv[1]), Path(sys.argv[2])
    seen = {name: [] for name in VIEWS}
    while not stop.exists():
        if database_path(home).exists():
            for name in VIEWS:
                seen[name].append(query(home, f"SELECT count(*) AS n FROM {name}")["n"][0])
        time.sleep(1)
    print(json.dumps(seen))
    """
)
"""Queries every view over and over, until a file tells it to stop; an error ends it."""


@pytest.fixture(scope="session")
def music(tmp_path_factory):
    """The tiny catalog's folder."""
    return write_music(tmp_path_factory.mktemp("tiny") / "music")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, music):
    """A checkout in which `musqa run` went through undisturbed, queried all the while."""
    folder = tmp_path_factory.mktemp("undisturbed")
    checkout = Checkout.make(folder / "checkout", music)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(checkout.home), str(folder / "stop")],
        env=checkout.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        checkout.first_run = subprocess.run(
            [sys.executable, "-m", "musqa_pipeline.cli", *RUN],
            cwd=checkout.root,
            env=checkout.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=500,
        )
    finally:
        (folder / "stop").touch()
        checkout.reader_output = reader.communicate(timeout=120)
    return checkout
