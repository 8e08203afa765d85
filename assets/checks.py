"""Asset checks: one claim each, with the numbers behind it. The rules are the library's.

Blocking where what follows would be wrong. A check of a stage 1-4 looks at the run's catalog, or
at every catalog of the preset if the run has no partition; one that blocks and fails keeps the
catalog out of the joint stages until it passes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from assets.resources import MusqaResource
from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.release.drift import record as drift
from musqa_pipeline.release.promotion import history as promotion
from musqa_pipeline.stages.dataset import checks as dataset
from musqa_pipeline.stages.dataset.second_metric import checks as opinions
from musqa_pipeline.stages.degradations import checks as degradations
from musqa_pipeline.stages.engine.catalog_choice import chosen_catalogs
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.exclusions import note_verdict
from musqa_pipeline.stages.evaluation import checks as evaluation
from musqa_pipeline.stages.excerpts import checks as excerpts
from musqa_pipeline.stages.gains import checks as gains
from musqa_pipeline.stages.gan_scores import checks as gan_scores
from musqa_pipeline.stages.genres import checks as genres
from musqa_pipeline.stages.labels import checks as labels
from musqa_pipeline.stages.labels import consistency as label_sense
from musqa_pipeline.stages.labels import heard as label_hearing
from musqa_pipeline.stages.models import checks as models
from musqa_pipeline.stages.models.pretraining import checks as pretraining
from musqa_pipeline.stages.reconstructions import checks as reconstructions
from musqa_pipeline.stages.rows import CATALOG_STAGES
from musqa_pipeline.stages.segments import checks as segments
from musqa_pipeline.stages.spectrograms import checks as spectrograms
from musqa_pipeline.stages.tracks import checks as tracks

DEMO_PRESET = "demo"
PARTITION_TAG = "dagster/partition"
Rule = Callable[[Context], CheckResult]


@dataclass(frozen=True)
class StageCheck:
    """A rule of the library, bound to the asset that it judges."""

    asset: str
    rule: Rule
    blocking: bool = True
    """Whether nothing downstream is made after a failure."""
    always_warns: bool = False
    """Whether a failure is a remark and no error, whatever the preset."""

    def severity(self, preset: str) -> dg.AssetCheckSeverity:
        """Return how bad a failure is; the demo is too small to be held to what blocks nothing."""
        warns = self.always_warns or (preset == DEMO_PRESET and not self.blocking)
        return dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR


CHECKS = (
    StageCheck("tracks", tracks.check_tracks),
    StageCheck("excerpts", excerpts.check_row_count),
    StageCheck("excerpts", excerpts.check_loudness),
    StageCheck("excerpts", excerpts.check_stored_audio),
    StageCheck("degradations", degradations.check_counts),
    StageCheck("degradations", degradations.check_loudness),
    StageCheck("degradations", degradations.check_alignment),
    StageCheck("labels", labels.check_counts),
    StageCheck("labels", labels.check_range),
    StageCheck("labels", labels.check_identity),
    StageCheck("labels", label_sense.check_order, blocking=False, always_warns=True),
    StageCheck("labels", label_hearing.check_heard, blocking=False, always_warns=True),
    StageCheck("segments", segments.check_segments, blocking=False),
    StageCheck("gan_scores", gan_scores.check_gan_scores, blocking=False),
    StageCheck("reconstructions", reconstructions.check_reconstructions, blocking=False),
    StageCheck("genres", genres.check_genres, blocking=False),
    StageCheck("gains", gains.check_gains, blocking=False),
    StageCheck("dataset", dataset.check_no_leak),
    StageCheck("dataset", dataset.check_no_row_twice),
    StageCheck("dataset", dataset.check_uniform, blocking=False, always_warns=True),
    StageCheck("dataset", dataset.check_near_duplicates, blocking=False, always_warns=True),
    StageCheck("opinions", opinions.check_opinions, blocking=False),
    StageCheck("spectrograms", spectrograms.check_counts),
    StageCheck("spectrograms", spectrograms.check_images),
    StageCheck("nisqa_mels", spectrograms.check_nisqa_images),
    StageCheck("waveforms", spectrograms.check_waveforms),
    StageCheck("pretraining", pretraining.check_pretraining_met_no_test),
    StageCheck("models", models.check_loss_fell, blocking=False),
    StageCheck("models", models.check_validation, blocking=False),
    StageCheck("models", models.check_weights, blocking=False),
    StageCheck("drift", drift.check_drift, blocking=False, always_warns=True),
    StageCheck("evaluation", evaluation.check_better_than_mean, blocking=False),
    StageCheck("promotion", promotion.check_promotion, blocking=False, always_warns=True),
)


def build_check(check: StageCheck) -> dg.AssetChecksDefinition:
    """Make the asset check that runs a rule."""
    name = check.rule.__name__.removeprefix("check_")
    claim = (check.rule.__doc__ or name).strip().splitlines()[0]

    @dg.asset_check(asset=check.asset, name=name, blocking=check.blocking, description=claim)
    def run(context: dg.AssetCheckExecutionContext, musqa: MusqaResource) -> dg.AssetCheckResult:
        places = _places(context, musqa, check.asset)
        results = [check.rule(place) for place in places]
        if check.blocking and check.asset in CATALOG_STAGES:
            for place, result in zip(places, results, strict=True):
                note_verdict(place, check.asset, name, result)
        failed = [result for result in results if not result.passed]
        numbers = {k: v for result in failed or results for k, v in result.numbers.items()}
        return dg.AssetCheckResult(
            passed=not failed,
            severity=check.severity(musqa.preset().name),
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
