"""How tables are kept whole."""
