"""Catalogs of music: known ones, how their files are identified, readers, the demo music."""
