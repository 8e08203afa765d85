"""Before stage 7: bodies that learn from music that nobody rated (paper 004)."""
