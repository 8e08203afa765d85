"""Which fan-out a run uses: the environment decides, because it changes no result."""

from __future__ import annotations

import os

from musqa_pipeline.core.workers.interface import Fanout
from musqa_pipeline.core.workers.local import LocalPool


def choose_fanout() -> Fanout:
    """Return the Dask scheduler of `MUSQA_DASK_SCHEDULER`, or this machine when it is not set.

    Raises SettingsError if a variable has a wrong value.
    """
    address = os.environ.get("MUSQA_DASK_SCHEDULER")
    if not address:
        return LocalPool()
    from musqa_pipeline.stages.engine.cluster.dask_cluster import DaskCluster  # a second of imports

    return DaskCluster(address)
