"""Networks and weights of others."""
