"""The signature of a bundle: who vouches for its digest, and so for every file of it.

Digests show that a bundle is consistent, not where it comes from: whoever changes a file can write its new digest into
``provenance.json``. ``signature.json`` holds an Ed25519 signature of the model's digest (a C2SP signed note, as the
ledger's checkpoints are) and the verifier key. Whether that key belongs to somebody you trust is for you to know; this
module only says which key it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from langit import config
from langit.bundle.files import SIGNATURE
from langit.bundle.provenance import Provenance
from langit.files import write_bytes
from langit.ledger.checkpoint import Signer, Verifier, open_note

FORMAT = "langit-signature-1"


@dataclass(frozen=True)
class BundleSignature:
    """A valid signature of a bundle's digest."""

    verifier: Verifier


def sign_bundle(folder: Path, provenance: Provenance, signer: Signer) -> BundleSignature:
    """Sign a bundle's digest, replacing any signature that it has.

    Raises:
        OSError: the folder cannot be written.
    """
    plain = {"format": FORMAT, "verifier": str(signer.verifier), "note": signer.sign(_body(provenance))}
    text = json.dumps(plain, indent=1, ensure_ascii=False) + "\n"
    write_bytes(folder / SIGNATURE, text.encode())
    return BundleSignature(signer.verifier)


def read_signature(folder: Path, provenance: Provenance) -> BundleSignature | None:
    """Read and verify a bundle's signature; ``None`` if it is not signed.

    Raises:
        ValueError: the signature is damaged, or is not of this digest.
    """
    path = folder / SIGNATURE
    if not path.is_file():
        return None
    plain = config.parse_json(path.read_bytes(), str(path))
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise ValueError(f"{path} is not of format {FORMAT}: get the bundle again")
    try:
        verifier = Verifier.parse(str(plain.get("verifier")))
        body = open_note(str(plain.get("note")), verifier)
    except ValueError as error:
        raise ValueError(f"{path} is not a valid signature ({error}): get the bundle again") from error
    if body != _body(provenance):
        raise ValueError(f"{path} signs another model than {provenance.digest}: the bundle was changed, get it again")
    return BundleSignature(verifier)


def _body(provenance: Provenance) -> str:
    # The first line keeps signatures of bundles apart from those of the ledger's checkpoints, made with the same key.
    return f"langit bundle\n{provenance.digest}\n"
