"""The digests of the models that ship with the package.

A bundle that was changed and sealed again is consistent in itself; it differs from the digest that this file pins.
After a shipped model was changed on purpose, ``langit bundle check NAME --render 0`` prints its new digest.
"""

from __future__ import annotations

from typing import Final

PINNED: Final = {"pocket": "sha256:54427223bac391cf29ddf8181551fb8c61a5c37c14b703e999264198b52f3099"}
