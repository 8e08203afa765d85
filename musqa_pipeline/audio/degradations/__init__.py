"""Codecs, filters and effects: drawn, applied, written down, built again."""
