"""The tests, in the same buildings as what they test."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"  # recordings that may be absent: tests skip then
