"""Listening tests the whole way: stimuli, ratings, screening, mean opinions, models against them.

After paper 001, section III.G, and ITU-R BS.1534-3 (MUSHRA); tests run in webMUSHRA. A library in
itself: no lake, no preset.
"""
