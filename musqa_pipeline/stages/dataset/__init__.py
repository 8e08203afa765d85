"""Stage 5: split by recording and draw excerpts so that quality is uniform."""
