"""The Merkle leaf of a rendered film: the one definition that bundles and audit files share.

A model's provenance commits to its training films by the RFC 6962 root over these leaves. Knows nothing of where rows
are kept, nor of how films are rendered.
"""

from __future__ import annotations

from collections.abc import Iterable

from langit.ledger.log import Hash, leaf_hash, root
from langit.ledger.record import Source

FIRST_WORLD = "worlds-1"


def film_leaf(world: str, seed: int, size: str, motion_sha256: str, content_sha256: str) -> Hash:
    """Leaf hash of one film: its world, seed, size, and the hashes of its motion and of its pixels."""
    # The first world was once the only one, and roots over its films are already in published models.
    prefix = "" if world == FIRST_WORLD else f"{world} "
    return leaf_hash(f"{prefix}{seed} {size} {motion_sha256} {content_sha256}".encode())


def films_root(films: Iterable[Source]) -> str:
    """Merkle root (hex) over the leaves of rendered sources, in the order given."""
    return root(
        film_leaf(
            film.generator_version or "",
            film.seed or 0,
            film.size or "",
            film.motion_sha256 or "",
            film.content_sha256,
        )
        for film in films
    ).hex()
