"""Clips -> batches: what may be trained on, latents cached by hash, packing by tokens, the exposure log."""
