"""The scorer: how good music sounds, where it is bad and why, with no reference; base only."""
