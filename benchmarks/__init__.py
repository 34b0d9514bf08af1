"""Ours, a peer's and the limit: the same work in the same run. A module is a command: ``python -m benchmarks.NAME``."""
