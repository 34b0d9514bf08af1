"""Prompt and footage -> pixels: the unrolled loop, one for every ability."""

from langit.generate.abilities import connect, extend, generate, image, loop, minute, recut
from langit.generate.edits import edit, inpaint
from langit.generate.footage import Footage, Parent, read_image, read_mask, read_video
from langit.generate.model import Model, calm_threads
from langit.generate.settings import SamplingConfig
from langit.generate.storyboard import Board, read_board, storyboard
from langit.generate.video import Generated, Stream, generate_many

__all__ = [
    "Board",
    "Footage",
    "Generated",
    "Model",
    "Parent",
    "SamplingConfig",
    "Stream",
    "calm_threads",
    "connect",
    "edit",
    "extend",
    "generate",
    "generate_many",
    "image",
    "inpaint",
    "loop",
    "minute",
    "read_board",
    "read_image",
    "read_mask",
    "read_video",
    "recut",
    "storyboard",
]
