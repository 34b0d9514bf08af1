"""Footage that we render ourselves: simulated scenes whose captions and truth are known (MuJoCo)."""
