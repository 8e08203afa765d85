"""Fan-out: one function over many tasks in supervised processes, each task within its limits."""
