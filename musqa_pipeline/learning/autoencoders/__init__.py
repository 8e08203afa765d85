"""Autoencoders of mel images that learn from noise, by losses that are metrics (paper 003)."""
