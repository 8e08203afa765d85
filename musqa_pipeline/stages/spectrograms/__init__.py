"""Stage 6: images of the chosen rows in shards, their checks and pictures; other kinds of them."""
