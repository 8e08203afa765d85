"""Which catalogs the joint stages of a preset see, and which they draw from."""

from __future__ import annotations

from musqa_pipeline.catalogs.known import list_catalogs
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.exclusions import withheld_catalogs


def chosen_catalogs(home: Home, preset: Preset) -> list[str]:
    """List the catalogs that a preset's joint stages see."""
    return sorted(c.name for c in list_catalogs(home) if preset.sees(c.name))


def drawn_catalogs(context: Context) -> list[str]:
    """List the catalogs whose rows the joint stages draw from."""
    withheld = withheld_catalogs(context)
    return [c for c in chosen_catalogs(context.home, context.preset) if c not in withheld]
