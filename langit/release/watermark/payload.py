"""Code an id of 64 bits as 352 signs with error correction, and decode it.

A CRC of 16 bits tells a decoded id from noise. A convolutional code of rate 1/4 with 256 states, terminated by eight
zeros, makes 352 signs of the 88 bits. This module does not know pictures.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from jaxtyping import Float, Int, UInt8

IDENT: Final = 8
"""Bytes of an id."""
CHECK: Final = 16  # bits of the CRC
GENERATORS: Final = (0o463, 0o535, 0o733, 0o745)
"""Constraint length 9, free distance 24: Lin and Costello, Error Control Coding, 2nd edition, table 12.1."""
MEMORY: Final = 8
STEPS: Final = 8 * IDENT + CHECK + MEMORY
SIGNS: Final = STEPS * len(GENERATORS)


def check_ident(ident: bytes) -> bytes:
    """Return the id, if it has the right length.

    Raises:
        ValueError: it is not 8 bytes long.
    """
    if len(ident) != IDENT:
        raise ValueError(f"the watermark's id {ident.hex()} has {len(ident)} bytes: use {IDENT}")
    return ident


def signs(idents: Sequence[bytes]) -> Float[np.ndarray, "idents signs"]:
    """Code ids as rows of +1 and -1.

    Raises:
        ValueError: an id is not 8 bytes long.
    """
    whole = [check_ident(ident) + binascii.crc_hqx(ident, 0).to_bytes(2, "big") + b"\0" for ident in idents]
    bits = np.unpackbits(np.frombuffer(b"".join(whole), np.uint8).reshape(len(whole), -1), axis=1)
    padded = np.pad(bits, ((0, 0), (MEMORY, 0)))
    out = np.zeros((len(whole), STEPS, len(GENERATORS)), np.uint8)
    for number, generator in enumerate(GENERATORS):
        for delay in range(MEMORY + 1):
            if generator >> (MEMORY - delay) & 1:
                out[:, :, number] ^= padded[:, MEMORY - delay : MEMORY - delay + STEPS]
    coded: np.ndarray = 1.0 - 2.0 * out.reshape(len(whole), SIGNS)
    return coded


def decode(soft: Float[np.ndarray, " signs"]) -> bytes | None:
    """The id whose signs agree best with these numbers; None if its CRC is wrong."""
    ident, check = likeliest(soft)
    return ident if binascii.crc_hqx(ident, 0).to_bytes(2, "big") == check else None


def likeliest(soft: Float[np.ndarray, " signs"]) -> tuple[bytes, bytes]:
    """The id whose signs agree best with these numbers, and the CRC that came with it (Viterbi's algorithm)."""
    sent = _decode_bits(soft.reshape(STEPS, len(GENERATORS)))
    whole = np.packbits(sent[: STEPS - MEMORY]).tobytes()
    return whole[:IDENT], whole[IDENT:]


@cache
def _branches() -> tuple[Int[np.ndarray, "2 states"], Float[np.ndarray, "2 states generators"]]:
    """The two predecessors of each state, and the signs that are sent in the transition from each.

    A state is the last eight bits, with the newest on the left.
    """
    states = np.arange(2**MEMORY)
    before = np.stack([(states << 1 | oldest) & (2**MEMORY - 1) for oldest in (0, 1)])
    register = np.stack([states << 1 | oldest for oldest in (0, 1)])
    sent = np.stack([1.0 - 2.0 * (np.bitwise_count(register & generator) & 1) for generator in GENERATORS], axis=-1)
    return before, sent


def _decode_bits(soft: Float[np.ndarray, "steps generators"]) -> UInt8[np.ndarray, " steps"]:
    before, sent = _branches()
    score = np.full(2**MEMORY, -np.inf)
    score[0] = 0.0  # the encoder starts at state zero
    choices = []
    for received in soft:
        scores = score[before] + sent @ received
        choice = scores[1] > scores[0]
        choices.append(choice)
        score = np.where(choice, scores[1], scores[0])
    state, bits = 0, []  # and ends there, because of the zeros at the end
    for choice in reversed(choices):
        bits.append(state >> (MEMORY - 1))
        state = int(before[int(choice[state]), state])
    return np.array(bits[::-1], np.uint8)
