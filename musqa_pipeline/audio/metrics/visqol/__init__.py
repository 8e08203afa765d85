"""ViSQOL v3 in audio mode, exact and fast; usable without the rest of musqa.

Nothing here knows of lakes, presets or stages: samples go in, a score comes out.
"""

from musqa_pipeline.audio.metrics.visqol.engine import Reference
from musqa_pipeline.audio.metrics.visqol.score import PatchSimilarity, VisqolScore

__all__ = ["PatchSimilarity", "Reference", "VisqolScore"]
