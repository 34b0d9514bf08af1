"""Rectified flow: pure functions, no state. Path, noise levels, guidance, solvers."""
