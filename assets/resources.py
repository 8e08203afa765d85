"""The one resource: which lake and which preset. It adapts settings and holds nothing open."""

import os

import dagster as dg

from musqa_pipeline.context import Context
from musqa_pipeline.fanout.choice import choose_fanout
from musqa_pipeline.fanout.interface import Fanout
from musqa_pipeline.graph import catalog_context, joint_context
from musqa_pipeline.project import home_folder
from musqa_pipeline.settings import Preset, load_preset


class MusqaResource(dg.ConfigurableResource):
    """Where the assets work: `MUSQA_HOME` and the preset (`MUSQA_PRESET`, by default demo)."""

    preset_name: str = ""
    """Name or file of a preset; `MUSQA_PRESET`, or ``demo``, when empty."""

    def preset(self) -> Preset:
        """Load the preset."""
        return load_preset(self.preset_name or os.environ.get("MUSQA_PRESET") or "demo")

    def catalog_context(self, catalog: str) -> Context:
        """Return the context of the stages 1-4 for a catalog."""
        return catalog_context(home_folder(), self.preset(), catalog)

    def joint_context(self) -> Context:
        """Return the context of the stages 5-8 for the catalogs and labels there are now."""
        return joint_context(home_folder(), self.preset())

    def fanout(self) -> Fanout:
        """Return how units are spread over workers."""
        return choose_fanout()
