"""Networks that hear the reference too."""
