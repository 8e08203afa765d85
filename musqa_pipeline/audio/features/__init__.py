"""What is computed of an excerpt for a model: spectrograms, bands, descriptors."""
