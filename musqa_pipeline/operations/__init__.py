"""Who looks after it: discovery, maintenance, costs, status."""
