"""Images and targets on their way to a network."""
