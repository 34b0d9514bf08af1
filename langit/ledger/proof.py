"""Text that proves that something is entry ``index`` of a signed log (C2SP tlog-proof), checked without the log.

Knows nothing of what was entered, nor of who writes such proofs.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from langit.ledger.checkpoint import LogCheckpoint, Verifier, decode
from langit.ledger.log import Hash, verify_inclusion

VERSION = "c2sp.org/tlog-proof@v1"
INDEX = re.compile(r"index (0|[1-9]\d{0,18})")


@dataclass(frozen=True)
class Proof:
    """The place of an entry, the hashes that lead from it to the root, and the signed checkpoint of that root.

    ``extra`` is opaque to the format: bytes of the proof's author, which it does not protect.
    """

    index: int
    path: tuple[Hash, ...]
    checkpoint: str
    extra: bytes | None = None

    def __str__(self) -> str:
        lines = [VERSION]
        if self.extra is not None:
            lines.append("extra " + base64.b64encode(self.extra).decode())
        lines += [f"index {self.index}", *(base64.b64encode(item).decode() for item in self.path), ""]
        return "\n".join(lines) + "\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> Proof:
        """Read :meth:`__str__`'s text.

        Raises:
            ValueError: it is not such a proof.
        """
        head, gap, checkpoint = text.partition("\n\n")
        version, *lines = head.split("\n")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = decode(lines.pop(0).removeprefix("extra "))
        index = INDEX.fullmatch(lines[0]) if lines else None
        if version != VERSION or index is None or not gap:
            raise ValueError(f"this is not a receipt: it has to start with {VERSION} and an index; get it again")
        path = tuple(decode(line) for line in lines[1:])
        if any(len(item) != 32 for item in path) or len(path) > 63:
            raise ValueError("the hashes of the receipt are not 32 bytes each, or too many: get it again")
        return cls(int(index[1]), path, checkpoint, extra)

    def check(self, leaf: Hash, verifier: Verifier) -> LogCheckpoint:
        """The checkpoint that holds ``leaf`` (a leaf hash) at this place.

        Raises:
            ValueError: the checkpoint is not signed by ``verifier``, or the leaf is not in it at this place.
        """
        state = LogCheckpoint.parse(self.checkpoint, verifier)
        if not verify_inclusion(leaf, self.index, state.size, self.path, state.root):
            raise ValueError(
                f"the receipt does not show this as entry {self.index} of {state.origin}: it is of another entry"
            )
        return state
