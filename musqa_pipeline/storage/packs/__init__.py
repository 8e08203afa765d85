"""Many small units in one file."""
