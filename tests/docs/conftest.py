"""Scripts of docs/scripts/ import each other by their names alone."""

import sys

import pytest

from tests import ROOT


@pytest.fixture(scope="session", autouse=True)
def _scripts_are_found():
    sys.path.insert(0, str(ROOT / "docs/scripts"))
    yield
    sys.path.remove(str(ROOT / "docs/scripts"))
