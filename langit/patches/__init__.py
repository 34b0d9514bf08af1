"""Latents to tokens and back: patches, their spacetime positions, and packs of videos of different sizes."""

from langit.patches.pack import Pack, TextPack, join_texts, pack, pack_by_tokens, pack_texts, unpack
from langit.patches.patchify import channels_first, channels_last, patchify, unpatchify
from langit.patches.positions import positions, rotary

__all__ = [
    "Pack",
    "TextPack",
    "channels_first",
    "channels_last",
    "join_texts",
    "pack",
    "pack_by_tokens",
    "pack_texts",
    "patchify",
    "positions",
    "rotary",
    "unpack",
    "unpatchify",
]
