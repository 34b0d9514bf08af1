"""Measure models: fidelity to the prompt, abilities, physics, copying, reconstruction and scaling."""
