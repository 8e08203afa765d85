"""Beside stage 7: genres told by distances of images and from latents of autoencoders."""
