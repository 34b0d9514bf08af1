"""Rectified flow as pure functions: the path, noise levels, guidance, solvers and step reuse."""
