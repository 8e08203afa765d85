"""A GAN that learns what produced music looks like; its discriminator is a score (paper 000)."""
