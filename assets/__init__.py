"""The Dagster graph: when, from what and stored where; it computes nothing."""
