"""Stage 2: cut loudness-normalised 10 s references by a seeded plan."""
