"""What is learned from music without any label, and where it lies on a disk."""
