"""Beside stage 7: autoencoders that learn from noise by metrics (paper 003)."""
