"""What leaves the factory."""
