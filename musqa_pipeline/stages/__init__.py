"""What is made from what: the graph, its stages, and the views of what they made."""
