"""The scorer: how good music sounds, where it is bad and why, with no reference; base only."""

from musqa_pipeline.scoring.score import Event, Score, WindowScore
from musqa_pipeline.scoring.scorer import Scorer

__all__ = ["Event", "Score", "Scorer", "WindowScore"]
