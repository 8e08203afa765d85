"""Stage 4: score degraded excerpts against their reference with full-reference metrics."""
