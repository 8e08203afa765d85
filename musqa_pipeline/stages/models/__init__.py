"""Stage 7: networks, their registry and their resumable training."""
