"""Tiers of recordings: where they come from, other than a studio."""

from __future__ import annotations

TIER = "equalised"
"""Tier of the copies; protocols train on it and never predict it."""
