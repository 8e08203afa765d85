"""Catalog readers: what the files of a catalog are, from its folder's layout and its own metadata.

One small module a dataset of the field; `registry.py` lists them. Nothing is ever downloaded.
"""
