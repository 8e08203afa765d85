"""Presets: their sections, with ranges and sentences for what is wrong."""
