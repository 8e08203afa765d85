"""Jobs: one catalog through the stages 1-4, and the joint stages 5-8."""

import dagster as dg

from musqa_pipeline.stages.rows import CATALOG_STAGES

JOINT_TAG = "musqa/joint"
"""Run tag of the joint stages; `dagster.yaml` lets one such run at a time."""

JOINT = dg.AssetSelection.all() - dg.AssetSelection.assets(*CATALOG_STAGES)
"""The joint stages, and the pages beside them."""

catalog_job = dg.define_asset_job(
    "catalog_job",
    selection=dg.AssetSelection.assets(*CATALOG_STAGES),
    description="Tracks, excerpts, degradations and labels of one catalog.",
)
joint_job = dg.define_asset_job(
    "joint_job",
    selection=JOINT,
    description="Dataset, spectrograms, models and evaluation over the catalogs of the preset.",
    tags={JOINT_TAG: "yes"},
)
