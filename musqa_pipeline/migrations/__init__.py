"""Layouts of the lake and how one becomes the next."""
