"""How a stage runs: its context, its units, their outcomes."""
