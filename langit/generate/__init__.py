"""Prompts and given footage to pixels: the sampling loop, and every ability as known patches."""

from langit.generate.abilities import connect, extend, generate, image, loop, minute, recut
from langit.generate.board import Board, Card, read_board
from langit.generate.edits import edit, inpaint
from langit.generate.footage import Footage, Parent, read_video
from langit.generate.model import Model, SamplingPreset, limited_threads
from langit.generate.settings import SamplingConfig
from langit.generate.stills import read_image, read_mask
from langit.generate.storyboard import storyboard
from langit.generate.video import Generated, GeneratedStream, generate_many

__all__ = [
    "Board",
    "Card",
    "Footage",
    "Generated",
    "GeneratedStream",
    "Model",
    "Parent",
    "SamplingConfig",
    "SamplingPreset",
    "connect",
    "edit",
    "extend",
    "generate",
    "generate_many",
    "image",
    "inpaint",
    "limited_threads",
    "loop",
    "minute",
    "read_board",
    "read_image",
    "read_mask",
    "read_video",
    "recut",
    "storyboard",
]
