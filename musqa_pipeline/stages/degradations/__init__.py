"""Stage 3: draw a plan of degradations, apply it, keep the bitstream that did the damage."""
