"""Beside stage 5: test recordings in segments of 4.2 s, degraded as listeners heard them."""
