"""What scripts on image metrics and autoencoders ask of: a preset's lake, and answers kept."""

from __future__ import annotations

from kept_answers import KeptAnswers

from musqa_pipeline.stages.engine.context import Context


class Evidence(KeptAnswers):
    """A preset's lake; answers lie in ``cache/representation-results`` of its home."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.home, "representation-results")
        self.context = context
