"""The digests of the models that ship with the package.

A bundle that was changed and sealed again is consistent in itself; it differs from the digest that this file pins.
After a shipped model was changed on purpose, ``langit bundle check NAME --render 0`` prints its new digest.
"""

from __future__ import annotations

from typing import Final

PINNED: Final = {"pocket": "sha256:8969539e3f5b6b2a3ed8b751c13448736ecbe948f786d179ae796cc111161676"}
