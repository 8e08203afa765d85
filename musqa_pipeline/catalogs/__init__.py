"""The catalogs that a home knows: their folders, their `catalog.toml`, how they come and go."""
