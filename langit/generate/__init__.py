"""Prompt -> pixels: the unrolled loop, one for every ability."""

from langit.generate.model import Model, calm_threads
from langit.generate.settings import SamplingConfig
from langit.generate.video import Generated, generate, generate_many

__all__ = ["Generated", "Model", "SamplingConfig", "calm_threads", "generate", "generate_many"]
