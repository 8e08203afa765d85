"""Beside stage 7: what autoencoders make of music that they never met, as image and as sound."""
