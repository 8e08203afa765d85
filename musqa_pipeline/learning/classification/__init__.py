"""Classes told from images of music (paper 003): by distances of pairs, by probes on latents."""
