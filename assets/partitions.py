"""Partitions: a catalog divides the stages 1-4; stages 5-8 are not partitioned."""

import dagster as dg

catalogs = dg.DynamicPartitionsDefinition(name="catalogs")
