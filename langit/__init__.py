"""Langit: an open text-to-video system whose training data is known."""

__version__ = "0.1.0"
