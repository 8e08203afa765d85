"""Tests of the labels run their linear algebra on one thread, as the workers of a stage do."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="package")
def _one_thread():
    with threadpool_limits(limits=1):
        yield
