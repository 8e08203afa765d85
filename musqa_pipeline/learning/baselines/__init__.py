"""Predictors that any network must beat: none of them learns from audio by itself."""
