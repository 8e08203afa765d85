"""Stage 6: mel images of the dataset in Parquet shards, and their loader."""
