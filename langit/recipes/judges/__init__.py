"""How the probe and the tracker are trained: from seeds to weights, reproducible by anyone."""
