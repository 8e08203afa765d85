"""Recipes: a published set as a table without audio, and the way back from it."""
