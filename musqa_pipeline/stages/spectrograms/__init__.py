"""Stage 6: images of the chosen rows in shards, their checks and pictures; features and pairs."""
