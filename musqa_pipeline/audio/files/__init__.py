"""Audio files: reading, decoding, their names and their limits."""
