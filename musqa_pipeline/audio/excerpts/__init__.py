"""Where excerpts are taken, and how they are cut and made as loud."""
