"""How labels and features of each catalog move over time: compact records, distances, a page."""
