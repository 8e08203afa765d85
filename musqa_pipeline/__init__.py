"""musqa: no-reference music quality assessment, from folders of music to evaluated models."""
