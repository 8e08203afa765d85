"""Stage 7: a resumable training for each network of the preset, with its curves and pictures."""
