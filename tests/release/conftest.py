"""A small published set, for what leaves the factory."""

from __future__ import annotations

import pytest

from tests.release.published_set import PublishedSet, make_published_set


@pytest.fixture(scope="session")
def published_set(tmp_path_factory: pytest.TempPathFactory) -> PublishedSet:
    """Made once; not to be changed."""
    return make_published_set(tmp_path_factory.mktemp("published"))
