"""The page of discriminators that score without a label: what they say as music is degraded."""
