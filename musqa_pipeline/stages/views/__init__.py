"""What people query: the record of what is published, and the views over the lake."""
