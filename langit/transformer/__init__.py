"""The diffusion transformer of the Wan family: attention, block, model; parallelism wraps it from outside."""

from langit.transformer.model import SIZES, TransformerConfig, VideoTransformer

__all__ = ["SIZES", "TransformerConfig", "VideoTransformer"]
