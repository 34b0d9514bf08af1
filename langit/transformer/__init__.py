"""The diffusion transformer of the Wan family, its low-rank adapters, and sharding."""

from langit.transformer.model import SIZES, TransformerConfig, VideoTransformer

__all__ = ["SIZES", "TransformerConfig", "VideoTransformer"]
