"""Who signs: a private root and a leaf that are created on this machine on first use, or a person's own chain.

    LANGIT_HOME/keys/signing/root.pem   certificate and private key of the root, for which nobody else vouches
    LANGIT_HOME/keys/signing/leaf.pem   certificate and private key of the leaf, which signs
    LANGIT_HOME/keys/kept/...           what `langit keys new` replaced: what it signed stays known as signed here

The files are readable by their owner only. The root issues a new leaf when half of the old one's validity is over, so
that a file without a timestamp verifies for years. This module does not know what is signed.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from langit.files import write_bytes
from langit.release.settings import section

FOLDER: Final = "keys"
SELF_ISSUED: Final = "Langit (self-issued key)"
"""The organisation in a certificate of our own. It is read on other machines too, so it must not speak for them."""
ROOT_YEARS, LEAF_YEARS = 30, 10
YEAR = timedelta(days=365.25)
SLACK = timedelta(hours=1)
"""A certificate is valid from an hour before it was created, for machines whose clocks are slow."""
_PEM = serialization.Encoding.PEM

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True)
class SigningConfig:
    """Section ``[signing]`` of ``release.toml``.

    ``chain`` and ``key`` are PEM files (leaf first, then its issuers); without them the machine's own identity signs.
    ``callback`` is ``module:function`` in place of ``key``: it takes bytes and returns their signature (r and s, raw,
    for ECDSA), so that the key never leaves its device. ``timestamps`` is the address of an RFC 3161 authority; if it
    does not answer, nothing is signed unless ``without_timestamp`` is set. ``mining`` is what the
    cawg.training-mining assertion says about training on released files; empty writes no assertion. ``trusted`` are
    PEM files of roots that `verify` trusts.
    """

    chain: str = ""
    key: str = ""
    callback: str = ""
    algorithm: Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = "es256"
    timestamps: str = ""
    without_timestamp: bool = False
    mining: Literal["", "allowed", "notAllowed"] = ""
    trusted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.chain) != bool(self.key or self.callback) or (self.key and self.callback):
            raise ValueError(
                "[signing] needs a chain together with either a key or a callback, or none of the three: then a key of"
                " this machine signs"
            )
        if self.callback and not all(self.callback.partition(":")):
            raise ValueError(f"[signing] callback {self.callback!r} is not module:function, for example hsm.vault:sign")
        if self.timestamps and not self.timestamps.startswith(("http://", "https://")):
            raise ValueError(f"[signing] timestamps {self.timestamps!r} is not an http:// or https:// address")


def signing(home: Path) -> SigningConfig:
    """Read the section ``[signing]`` of a home's settings.

    Raises:
        ValueError: the file is not TOML, or the section has a wrong key or value.
    """
    return section(home, "signing", SigningConfig)


@dataclass(frozen=True, eq=False)
class Identity:
    """A chain of certificates, leaf first, and what signs for it: a private key or a callback."""

    chain: tuple[x509.Certificate, ...]
    where: str
    key: bytes | None = field(default=None, repr=False)
    callback: Sign | None = None
    settings: SigningConfig = SigningConfig()
    made_here: bool = False

    @property
    def leaf(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def name(self) -> str:
        """The leaf's common name, which people are shown."""
        return common_name(self.leaf)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf."""
        return fingerprint(self.leaf)

    @property
    def root(self) -> str:
        """SHA-256 of the last certificate of the chain."""
        return fingerprint(self.chain[-1])

    @property
    def private(self) -> bool:
        """Whether only this machine vouches for the root."""
        return self.made_here

    @property
    def pem(self) -> bytes:
        """The chain as PEM, without any secret."""
        return b"".join(certificate.public_bytes(_PEM) for certificate in self.chain)


def identity(folder: Path, settings: SigningConfig | None = None, now: datetime | None = None) -> Identity:
    """Load who signs: the chain that the settings name, or the machine's own, created or renewed if necessary.

    Args:
        folder: ``LANGIT_HOME/keys``.
        settings: where the person's own chain is, if there is one.
        now: the present if left out.

    Raises:
        ValueError: a file is not a certificate or key, does not fit the others, has expired, or others can read it.
        OSError: a file cannot be read or written.
    """
    chosen, at = settings or SigningConfig(), now or datetime.now(UTC)
    if chosen.chain:
        return _load_chain(chosen, at)
    here = folder / "signing"
    if not here.exists():
        _create(folder, at)
    root, root_key = _read_pair(here / "root.pem")
    leaf, key = _read_pair(here / "leaf.pem")
    if at > leaf.not_valid_after_utc - (leaf.not_valid_after_utc - leaf.not_valid_before_utc) / 2:
        if root.not_valid_after_utc - at < LEAF_YEARS * YEAR:  # a leaf must not outlive its root
            return renew(folder, chosen, at)
        leaf, key = _issue(root, root_key, at)
        write_bytes(here / "leaf.pem", _pem_pair(leaf, key), private=True)
    return Identity((leaf, root), str(here), _private_pem(key), None, chosen, made_here=True)


def renew(folder: Path, settings: SigningConfig | None = None, now: datetime | None = None) -> Identity:
    """Create a new root and leaf. The old ones are kept, and what they signed stays known as signed here.

    Raises:
        OSError: a file cannot be written.
        ValueError: another process renewed the keys at the same moment.
    """
    here = folder / "signing"
    if here.exists():
        # The random part tells apart renewals on one day.
        kept = folder / "kept" / f"{(now or datetime.now(UTC)):%Y%m%d}-{secrets.token_hex(4)}"
        _private_folder(kept.parent)
        here.rename(kept)
    _create(folder, now or datetime.now(UTC))
    return identity(folder, settings, now)


def own_roots(folder: Path) -> tuple[x509.Certificate, ...]:
    """Roots that were created on this machine, the present one and those that it replaced; creates none."""
    places = [folder / "signing" / "root.pem", *sorted((folder / "kept").glob("*/root.pem"))]
    found = {fingerprint(root): root for place in places if place.is_file() for root in certificates(place)}
    return tuple(found.values())


def certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Load the certificates of a PEM file.

    Raises:
        ValueError: it holds none, or one is damaged.
        OSError: the file cannot be read.
    """
    try:
        found = tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except ValueError as error:
        raise ValueError(
            f"{path} holds no certificates in PEM: name a chain, the signer's own certificate first"
        ) from error
    return found


def common_name(certificate: x509.Certificate) -> str:
    """The subject's common name, or its whole name if it has none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _load_chain(settings: SigningConfig, now: datetime) -> Identity:
    """Load a person's own chain, with a key or a callback."""
    path = Path(settings.chain).expanduser()
    chain = certificates(path)
    leaf = chain[0]
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise ValueError(
            f"the certificate in {path} is valid from {leaf.not_valid_before_utc:%Y-%m-%d} to"
            f" {leaf.not_valid_after_utc:%Y-%m-%d}: get a new one"
        )
    for lower, upper in itertools.pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise ValueError(
                f"in {path} {common_name(lower)!r} was not issued by {common_name(upper)!r}, which follows it:"
                " list the signer's certificate first, then its issuers up to the root"
            ) from error
    if settings.callback:
        return Identity(chain, str(path), None, _import_callback(settings.callback), settings)
    key_path = Path(settings.key).expanduser()
    _check_secret(key_path)
    key = _load_key(key_path.read_bytes(), key_path)
    if _public_der(key.public_key()) != _public_der(leaf.public_key()):
        raise ValueError(f"{key_path} is not the key of the first certificate in {path}: name the key that is")
    return Identity(chain, str(path), _private_pem(key), None, settings)


def _create(folder: Path, now: datetime) -> None:
    """Create a root and a leaf, which appear together; of two processes that try at once, one wins."""
    number = secrets.token_hex(4)
    root_key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Langit root {number}")
    root = (
        _builder(name, name, root_key.public_key(), root_key.public_key(), now, ROOT_YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf, leaf_key = _issue(root, root_key, now)
    partial = folder / f".{secrets.token_hex(8)}.part"
    _private_folder(folder)
    _private_folder(partial)
    try:
        write_bytes(partial / "root.pem", _pem_pair(root, root_key), private=True)
        write_bytes(partial / "leaf.pem", _pem_pair(leaf, leaf_key), private=True)
        try:
            partial.rename(folder / "signing")
        except OSError:  # another process was faster: its keys are ours as well
            if not (folder / "signing" / "leaf.pem").exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _issue(
    root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Issue a leaf as C2PA requires it: no CA, digital signatures, an authority key identifier, e-mail protection."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(common_name(root).replace(" root ", " "))
    leaf = (
        _builder(subject, root.subject, key.public_key(), root_key.public_key(), now, LEAF_YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return leaf, key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuers: ec.EllipticCurvePublicKey,
    now: datetime,
    years: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + years * YEAR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(NameOID.ORGANIZATION_NAME, SELF_ISSUED)]
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bytes:
    return certificate.public_bytes(_PEM) + _private_pem(key)


def _read_pair(path: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Read a certificate with its key from a file of :func:`_pem_pair`."""
    _check_secret(path)
    certificate, key = certificates(path)[0], _load_key(path.read_bytes(), path)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or _public_der(key.public_key()) != _public_der(
        certificate.public_key()
    ):
        raise ValueError(
            f"{path} holds a key that does not belong to its certificate: restore it, or run `langit keys new`"
        )
    return certificate, key


def _private_pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _public_der(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _load_key(pem: bytes, path: Path) -> PrivateKeyTypes:
    start = pem.find(b"-----BEGIN PRIVATE KEY")  # certificates may come first
    try:
        return serialization.load_pem_private_key(pem[max(start, 0) :], password=None)
    except TypeError as error:
        raise ValueError(f"the key in {path} is encrypted: name one that is not, or use a callback") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path} holds no private key in PEM: restore it, or name another file") from error


def _import_callback(name: str) -> Sign:
    module, _, function = name.partition(":")
    try:
        callback = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"[signing] callback {name!r} cannot be imported ({error})") from error
    if not callable(callback):
        raise ValueError(f"[signing] callback {name!r} is not a function")
    sign: Sign = callback
    return sign


def _check_secret(path: Path) -> None:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ValueError(f"{path} is readable by others than its owner: chmod 600 it, or run `langit keys new`")


def _private_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)  # one that an earlier version made under the umask
