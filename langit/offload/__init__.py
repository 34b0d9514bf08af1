"""Weights that are on the device only while they compute: whole parts of a model in turn, or block by block."""

from langit.offload.parts import OffloadedModel, offload

__all__ = ["OffloadedModel", "offload"]
