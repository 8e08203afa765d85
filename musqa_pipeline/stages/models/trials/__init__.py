"""Protocols: trainings beside the one of stage 7, each with recordings that it never saw."""
