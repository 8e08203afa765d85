"""Catalogs that arrive by themselves: what is there, has it come to rest, did it change."""
