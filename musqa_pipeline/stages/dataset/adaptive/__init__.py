"""The `adaptive` mode: cascades in rounds, each planned from the labels of those before."""
