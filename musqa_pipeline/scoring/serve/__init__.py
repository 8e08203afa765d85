"""`musqa serve`: a page and a JSON API around the scorer, for one machine; extra `[serve]`."""
