"""The digests of the models that ship with the package.

A bundle that was changed and sealed again is consistent in itself; it differs from the digest that this file pins.
After a shipped model was changed on purpose, ``langit bundle check NAME --render 0`` prints its new digest.
"""

from __future__ import annotations

from typing import Final

PINNED: Final = {"pocket": "sha256:1bdbb5ef2fd305eb7c05f2040d2229bee509b48dff3630846d2125a143294bd9"}
