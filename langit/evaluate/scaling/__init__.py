"""Loss and fidelity as functions of training compute."""
