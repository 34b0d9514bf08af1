"""The digests of the models that ship with the package.

A bundle that was changed and sealed again is consistent in itself; it differs from the digest that this file pins.
After a shipped model was changed on purpose, ``langit bundle check NAME --render 0`` prints its new digest.
"""

from __future__ import annotations

from typing import Final

PINNED: Final = {"pocket": "sha256:31a7b1da11365e437259ef3bd57b19a22f914241398e7eca9f3e6e0f68ddc662"}
