"""Policies across many futures: robustness, search among portfolios, adaptive pathways."""
