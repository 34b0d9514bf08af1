"""The digests of the models that ship with the package.

A bundle that was changed and sealed again is consistent in itself; it differs from the digest that this file pins.
After a shipped model was changed on purpose, ``langit bundle check NAME --render 0`` prints its new digest.
"""

from __future__ import annotations

from typing import Final

PINNED: Final = {"pocket": "sha256:fe1a9cd5768d062f1bc1f8b1069e897003290ffc30b26fa2abc36c0f95ac3cf1"}
