"""What all assets have in common: how the row of a stage in the graph becomes an asset."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.automation import joint_condition
from assets.failures import supervised
from assets.partitions import catalogs
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.stages.rows import find_row

Asset = Callable[[Callable[..., Any]], dg.AssetsDefinition]


def stage_asset(*, group: str, kinds: set[str], trains: bool = False) -> Asset:
    """Declare the asset of the stage that the function is named after; its row says the rest.

    One that trains asks for a GPU where each step has a pod of its own (`docs/gpu.md`).
    """

    def declare(run: Callable[..., Any]) -> dg.AssetsDefinition:
        row = find_row(run.__name__)
        deps = (*row.upstream, *row.reads)
        tags = gpu_tags() if trains else {}
        return _declare(run, deps, group, kinds, is_partitioned=not row.joint, op_tags=tags)

    return declare


def gpu_tags() -> dict[str, Any]:
    """Return what Dagster's Kubernetes executor reads: the GPUs of a step, `MUSQA_STEP_GPUS`."""
    n_gpus = os.environ.get("MUSQA_STEP_GPUS", "1")
    if not n_gpus.isdecimal():
        raise SettingsError(f"MUSQA_STEP_GPUS={n_gpus!r}: expected a number of GPUs, as in 1")
    resources = {"limits": {"nvidia.com/gpu": n_gpus}}
    config = {"container_config": {"resources": resources}}
    return {"dagster-k8s/config": config} if int(n_gpus) else {}


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
    op_tags: Mapping[str, Any] | None = None,
) -> dg.AssetsDefinition:
    asset: dg.AssetsDefinition = dg.asset(
        deps=list(deps),
        partitions_def=catalogs if is_partitioned else None,
        group_name=group,
        kinds=kinds,
        owners=["team:musqa"],
        code_version="1",
        op_tags=op_tags,
        automation_condition=None if is_partitioned else joint_condition(run.__name__),
    )(supervised()(run))
    return asset
