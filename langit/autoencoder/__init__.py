"""Pixels to latents and back: causal in time, streaming; an image is a video of one frame."""
