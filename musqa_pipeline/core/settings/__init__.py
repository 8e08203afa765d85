"""Presets: their sections, one module each, with ranges and sentences for what is wrong."""
