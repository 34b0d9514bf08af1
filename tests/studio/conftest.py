"""The tiny model and the working folder of the command line's tests."""

from cli.conftest import model, place

__all__ = ["model", "place"]
