"""Where the work of a stage runs: processes here, or workers of Dask."""
