"""Clips to batches: what may be trained on, latents cached by hash, packing by token count, the exposure log."""
