"""Sensitivity analysis of batches: indices of all outputs at once, and whether they converged."""
