"""The lake: Parquet files that are either whole or absent, and what is current of them."""
