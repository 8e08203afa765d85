"""Stage 8: metrics with intervals, plots and the report."""
