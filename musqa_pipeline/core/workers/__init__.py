"""Fan-out: one function over many tasks, on this machine or on many."""
