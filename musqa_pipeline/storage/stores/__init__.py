"""Where files lie: a disk or object storage."""
