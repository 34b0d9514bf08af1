"""Benchmarks: our code, a peer and the hardware limit on the same work in one run.

Each module is a command: ``python -m benchmarks.NAME``.
"""
