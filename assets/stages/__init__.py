"""The assets: one module for each of the eight stages and what is made beside it."""
