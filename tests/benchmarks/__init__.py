"""How fast the engine is, beside twins of its core: ``python -m tests.benchmarks``."""
