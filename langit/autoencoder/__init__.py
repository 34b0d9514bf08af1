"""Pixels <-> latents: causal in time, streaming, an image is a one-frame video."""
