"""Asset checks: one claim each, with the numbers behind it. The rules are the library's.

Blocking where what follows would be wrong. A check of a stage 1-4 looks at the run's catalog, or
at every catalog of the preset if the run has no partition.
"""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from assets.resources import MusqaResource
from musqa_pipeline.checks import CheckResult
from musqa_pipeline.context import Context
from musqa_pipeline.dataset.checks import (
    check_near_duplicates,
    check_no_leak,
    check_no_row_twice,
    check_uniform,
)
from musqa_pipeline.degradations.checks import check_alignment, check_plan
from musqa_pipeline.evaluation.checks import check_better_than_mean
from musqa_pipeline.excerpts.checks import check_loudness
from musqa_pipeline.graph import CATALOG_STAGES, chosen_catalogs
from musqa_pipeline.labels.checks import check_identity, check_label_count, check_label_range
from musqa_pipeline.project import home_folder
from musqa_pipeline.spectrograms.checks import check_counts, check_images
from musqa_pipeline.tracks.checks import check_decoded

PARTITION_TAG = "dagster/partition"
Rule = Callable[[Context], CheckResult]


@dataclass(frozen=True)
class StageCheck:
    """A rule of the library, bound to the asset that it judges."""

    asset: str
    rule: Rule
    blocking: bool = True


CHECKS = (
    StageCheck("tracks", check_decoded),
    StageCheck("excerpts", check_loudness),
    StageCheck("degradations", check_plan),
    StageCheck("degradations", check_alignment),
    StageCheck("labels", check_label_count),
    StageCheck("labels", check_label_range),
    StageCheck("labels", check_identity),
    StageCheck("dataset", check_no_leak),
    StageCheck("dataset", check_no_row_twice),
    StageCheck("dataset", check_uniform, blocking=False),
    StageCheck("dataset", check_near_duplicates, blocking=False),
    StageCheck("spectrograms", check_counts),
    StageCheck("spectrograms", check_images),
    StageCheck("evaluation", check_better_than_mean, blocking=False),
)


def build_check(check: StageCheck) -> dg.AssetChecksDefinition:
    """Make the asset check that runs a rule."""
    name = check.rule.__name__.removeprefix("check_")
    claim = (check.rule.__doc__ or name).strip().splitlines()[0]

    @dg.asset_check(asset=check.asset, name=name, blocking=check.blocking, description=claim)
    def run(context: dg.AssetCheckExecutionContext, musqa: MusqaResource) -> dg.AssetCheckResult:
        results = [check.rule(place) for place in _places(context, musqa, check.asset)]
        failed = [result for result in results if not result.passed]
        numbers = {k: v for result in failed or results for k, v in result.numbers.items()}
        return dg.AssetCheckResult(
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
            description="; ".join(dict.fromkeys(result.claim for result in failed or results)),
            metadata=numbers,
        )

    return run


def _places(
    context: dg.AssetCheckExecutionContext, musqa: MusqaResource, asset: str
) -> list[Context]:
    if asset not in CATALOG_STAGES:
        return [musqa.joint_context()]
    partition = context.run.tags.get(PARTITION_TAG)
    names = [partition] if partition else chosen_catalogs(home_folder(), musqa.preset())
    return [musqa.catalog_context(name) for name in names]


asset_checks = [build_check(check) for check in CHECKS]
