"""The diffusion transformer of the Wan family, its control branch, its low-rank adapters, and sharding."""

from langit.transformer.control import ControlConfig, ControlTransformer
from langit.transformer.model import SIZES, TransformerConfig, VideoTransformer

__all__ = ["SIZES", "ControlConfig", "ControlTransformer", "TransformerConfig", "VideoTransformer"]
