"""The registry of detectors; a new one is one small module and one line here."""

from __future__ import annotations

from musqa_pipeline.scoring.detectors.band_edge import BAND_EDGE
from musqa_pipeline.scoring.detectors.clicks import CLICK
from musqa_pipeline.scoring.detectors.clipping import CLIPPING
from musqa_pipeline.scoring.detectors.dropouts import DROPOUT
from musqa_pipeline.scoring.detectors.finding import Detector
from musqa_pipeline.scoring.detectors.holes import HOLES
from musqa_pipeline.scoring.detectors.hum import HUM
from musqa_pipeline.scoring.detectors.noise import NOISE
from musqa_pipeline.scoring.detectors.pre_echo import PRE_ECHO
from musqa_pipeline.scoring.detectors.stereo import MONO_COLLAPSE

DETECTORS: dict[str, Detector] = {
    d.kind: d
    for d in (BAND_EDGE, HOLES, PRE_ECHO, CLIPPING, CLICK, DROPOUT, HUM, NOISE, MONO_COLLAPSE)
}
"""Every detector by the kind of its events."""
