"""The one resource: which lake and which preset. It adapts settings and holds nothing open."""

import os

import dagster as dg
from pydantic import PrivateAttr

from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.core.workers.interface import Fanout
from musqa_pipeline.stages.engine.cluster.choice import choose_fanout
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.graph import (
    catalog_context,
    joint_context,
    joint_inputs_now,
    load_preset,
)

INPUTS_TAG = "musqa/joint_inputs"
"""Run tag: what the joint stages of this run see, so that all of them see the same."""


class MusqaResource(dg.ConfigurableResource):
    """Where the assets work: `MUSQA_HOME` and the preset (`MUSQA_PRESET`, by default demo)."""

    preset_name: str = ""
    """Name or file of a preset; `MUSQA_PRESET`, or ``demo``, when empty."""
    _instance: dg.DagsterInstance | None = PrivateAttr(default=None)
    _run_id: str | None = PrivateAttr(default=None)
    _joint: Context | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Remember which run this is."""
        self._instance = context.instance
        self._run_id = context.run.run_id if context.run else None
        self._joint = None

    def preset(self) -> Preset:
        """Load the preset."""
        return load_preset(self.preset_name or os.environ.get("MUSQA_PRESET") or "demo")

    def catalog_context(self, catalog: str) -> Context:
        """Return the context of the stages 1-4 for a catalog."""
        return catalog_context(home_folder(), self.preset(), catalog)

    def joint_context(self) -> Context:
        """Return the context of the stages 5-8 for the catalogs and labels of this run's start.

        It is made once a run; a catalog that is labelled while the joint stages run belongs to the
        next run of them.
        """
        if self._joint is None or self._run_id is None:
            self._joint = self._new_joint_context()
        return self._joint

    def _new_joint_context(self) -> Context:
        home, preset = home_folder(), self.preset()
        run = (
            self._instance.get_run_by_id(self._run_id) if self._instance and self._run_id else None
        )
        if self._instance is None or run is None:
            return joint_context(home, preset)
        inputs = run.tags.get(INPUTS_TAG) or joint_inputs_now(home, preset)
        self._instance.add_run_tags(run.run_id, {INPUTS_TAG: inputs})
        return joint_context(home, preset, inputs)

    def fanout(self) -> Fanout:
        """Return how units are spread over workers."""
        return choose_fanout()
