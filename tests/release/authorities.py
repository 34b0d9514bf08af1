"""Certificates of every kind, and a timestamp authority on the loopback, for tests of signatures."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from langit.release.credentials.identity import Identity, SigningConfig

YEARS = timedelta(days=900)
EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
STAMPS = ExtendedKeyUsageOID.TIME_STAMPING


@dataclass(frozen=True)
class Holder:
    """A certificate, the key that is in it, and who issued it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: Holder | None = None

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate, *(self.issuer.chain if self.issuer else ()))

    @property
    def secret(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def issue(
    name: str,
    issuer: Holder | None = None,
    *,
    authority: bool = False,
    use: x509.ObjectIdentifier | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Holder:
    """Issue a certificate; self-signed without an issuer."""
    now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    # A stranger's certificate need not keep to X.520, which limits common names to 64 characters.
    common_name = x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False)
    subject = x509.Name([common_name, x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test")])
    signing = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start or now - YEARS)
        .not_valid_after(end or now + YEARS)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(
            x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    if use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=use == STAMPS)
    return Holder(builder.sign(signing, hashes.SHA256()), key, issuer)


def identity_of(who: Holder, timestamps: str = "", whole: bool = True) -> Identity:
    """An identity that signs with a certificate; with the root in its chain or without."""
    chain = who.chain if whole else who.chain[:-1]
    return Identity(chain, "a test", who.secret, None, SigningConfig(timestamps=timestamps))


@contextmanager
def timestamp_authority(authority: Holder, at: datetime) -> Iterator[str]:
    """The address of a timestamp authority (RFC 3161) at which it is always ``at``."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = _stamped(body, authority, at)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _stamped(body: bytes, authority: Holder, at: datetime) -> bytes:
    """A TimeStampResp (RFC 3161, 2.4.2): CMS signed data over a TSTInfo."""
    request = tsp.TimeStampReq.load(body)
    fields = {
        "version": "v1",
        "policy": "1.2.3.4",
        "message_imprint": request["message_imprint"],
        "serial_number": x509.random_serial_number(),
        "gen_time": at,
    }
    if request["nonce"].native is not None:
        fields["nonce"] = request["nonce"].native
    token = tsp.TSTInfo(fields).dump()
    own = asn1.Certificate.load(authority.der)
    named = tsp.SigningCertificateV2(
        {"certs": [tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(authority.der).digest()})]}
    )
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(token).digest()]}),
            cms.CMSAttribute({"type": "signing_certificate_v2", "values": [named]}),
        ]
    )
    who = cms.IssuerAndSerialNumber({"issuer": own.issuer, "serial_number": own.serial_number})
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier({"issuer_and_serial_number": who}),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": authority.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
        }
    )
    chain = [
        cms.CertificateChoices("certificate", asn1.Certificate.load(each.public_bytes(serialization.Encoding.DER)))
        for each in authority.chain
    ]
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(token)},
            "certificates": chain,
            "signer_infos": [signer],
        }
    )
    granted = {"content_type": "signed_data", "content": signed}
    return tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": granted}).dump()
