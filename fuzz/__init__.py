"""Fuzzing of everything that reads foreign input; see docs/security.md."""
