"""Prompt -> pixels: the unrolled loop, one for every ability."""

from langit.generate.video import Generated, Model, SamplingConfig, calm_threads, generate, generate_many

__all__ = ["Generated", "Model", "SamplingConfig", "calm_threads", "generate", "generate_many"]
