"""The musqa command line."""
