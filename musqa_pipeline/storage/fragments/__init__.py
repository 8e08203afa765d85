"""One Parquet file of a unit, and the partition that it lies in."""
