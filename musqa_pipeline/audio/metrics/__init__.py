"""Full-reference metrics: how near a degraded excerpt is to its reference."""
