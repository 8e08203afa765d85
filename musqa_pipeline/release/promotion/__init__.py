"""Which model is the champion: a new one replaces it if it is not worse by more than a margin."""
