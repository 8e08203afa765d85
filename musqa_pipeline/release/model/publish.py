"""The door to a release for assets: it loads torch and the rest only where there is a release."""

from __future__ import annotations

from pathlib import Path

from musqa_pipeline.release.model.stage import wants_release
from musqa_pipeline.stages.engine.context import Context


def publish_release(context: Context) -> Path | None:
    """Assemble the release of a preset, if it wants one."""
    if not wants_release(context):
        return None
    from musqa_pipeline.release.model.assemble import assemble_release

    return assemble_release(context)
