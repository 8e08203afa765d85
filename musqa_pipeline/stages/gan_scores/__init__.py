"""Beside stage 7: what discriminators say of segments and their degraded versions (paper 000)."""
