"""Loss and fidelity against training compute."""
