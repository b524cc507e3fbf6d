"""Batches: studies of many runs, computed in blocks into a Zarr store."""
