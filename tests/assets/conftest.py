"""One undisturbed run of the whole graph, which many tests look at."""

from __future__ import annotations

import pytest

from tests.assets.checkout import Checkout, write_music


@pytest.fixture(scope="session")
def music(tmp_path_factory):
    """The tiny catalog's folder."""
    return write_music(tmp_path_factory.mktemp("tiny") / "music")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, music):
    """A checkout in which `musqa run` went through undisturbed."""
    checkout = Checkout.make(tmp_path_factory.mktemp("undisturbed") / "checkout", music)
    checkout.first_run = checkout.musqa("run", "--preset", "tiny.toml", "--json")
    return checkout
