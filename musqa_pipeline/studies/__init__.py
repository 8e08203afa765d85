"""What the numbers say: statistics, listening tests, figures."""
