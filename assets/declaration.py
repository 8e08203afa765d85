"""What all assets have in common: how the row of a stage in the graph becomes an asset."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from assets.automation import joint_condition
from assets.failures import supervised
from assets.partitions import catalogs
from musqa_pipeline.stages.graph import find_row

Asset = Callable[[Callable[..., Any]], dg.AssetsDefinition]


def stage_asset(*, group: str, kinds: set[str]) -> Asset:
    """Declare the asset of the stage that the function is named after; its row says the rest."""

    def declare(run: Callable[..., Any]) -> dg.AssetsDefinition:
        row = find_row(run.__name__)
        deps = (*row.upstream, *row.reads)
        return _declare(run, deps, group, kinds, is_partitioned=not row.joint)

    return declare


def page_asset(*, deps: Sequence[str], kinds: set[str]) -> Asset:
    """Declare an asset beside the stages: a record that grows with each run, and its page."""

    def declare(run: Callable[..., Any]) -> dg.AssetsDefinition:
        return _declare(run, deps, "reports", kinds, is_partitioned=False)

    return declare


def _declare(
    run: Callable[..., Any],
    deps: Sequence[str],
    group: str,
    kinds: set[str],
    *,
    is_partitioned: bool,
) -> dg.AssetsDefinition:
    asset: dg.AssetsDefinition = dg.asset(
        deps=list(deps),
        partitions_def=catalogs if is_partitioned else None,
        group_name=group,
        kinds=kinds,
        owners=["team:musqa"],
        code_version="1",
        automation_condition=None if is_partitioned else joint_condition(run.__name__),
    )(supervised()(run))
    return asset
