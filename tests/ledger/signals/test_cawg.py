"""CAWG training-mining in real signed files, and in manifests that are not as they should be."""

import datetime
import json

import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from langit import video
from langit.ledger.signals import cawg


def certificate(name, key, issuer, issuer_key, leaf):
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "x")]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=not leaf, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(leaf, False, False, False, False, not leaf, not leaf, False, False), critical=True)
    )
    if leaf:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(issuer_key, hashes.SHA256())


@pytest.fixture(scope="module")
def signer():
    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate("root", root_key, None, root_key, leaf=False)
    leaf = certificate("leaf", leaf_key, root, root_key, leaf=True)
    chain = b"".join(item.public_bytes(serialization.Encoding.PEM) for item in (leaf, root))
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = c2pa.C2paSignerInfo(alg=c2pa.C2paSigningAlg.ES256, sign_cert=chain, private_key=key, ta_url=None)
    return c2pa.Signer.from_info(info)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    file = tmp_path_factory.mktemp("films") / "film.mp4"
    video.write(file, np.zeros((5, 32, 32, 3), np.uint8), 8)
    return file


CREATED = {
    "action": "c2pa.created",
    "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
}


@pytest.fixture
def sign(signer, film, tmp_path):
    def signed(label, entries):
        manifest = {
            "claim_generator_info": [{"name": "test", "version": "1"}],
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": [CREATED]}},
                {"label": label, "data": {"entries": entries}},
            ],
        }
        file = tmp_path / "signed.mp4"
        c2pa.Builder(json.dumps(manifest)).sign_file(str(film), str(file), signer)
        return file

    return signed


def test_a_film_without_a_manifest_is_silent(film):
    reading, evidence = cawg.read(film)
    assert (reading.says, evidence) == ("silent", None)


@pytest.mark.parametrize(
    ("label", "entries", "says"),
    [
        ("cawg.training-mining", {"cawg.ai_training": {"use": "notAllowed"}}, "reserved"),
        ("cawg.training-mining", {"cawg.ai_generative_training": {"use": "constrained"}}, "reserved"),
        ("cawg.training-mining", {"cawg.ai_generative_training": {"use": "allowed"}}, "allowed"),
        ("cawg.training-mining", {"cawg.ai_inference": {"use": "notAllowed"}}, "silent"),
        ("c2pa.training-mining", {"c2pa.ai_training": {"use": "notAllowed"}}, "reserved"),
    ],
)
def test_a_signed_film_says_what_it_says(sign, label, entries, says):
    reading, evidence = cawg.read(sign(label, entries))
    assert reading.says == says, reading
    assert label.encode() in evidence


def test_a_permission_in_a_film_that_was_changed_is_none(sign):
    file = sign("cawg.training-mining", {"cawg.ai_training": {"use": "allowed"}})
    data = bytearray(file.read_bytes())
    data[data.rindex(b"mdat") + 8] ^= 1
    file.write_bytes(data)
    assert cawg.read(file)[0].says == "unreadable"
    data[data.index(b"notAllowed" if b"notAllowed" in data else b"allowed")] ^= 1
    file.write_bytes(data)
    assert cawg.read(file)[0].says == "unreadable"


def test_traces_of_a_manifest_that_cannot_be_read_are_no_silence(tmp_path, sign):
    whole = sign("cawg.training-mining", {"cawg.ai_training": {"use": "notAllowed"}}).read_bytes()
    cut = tmp_path / "cut.mp4"
    for data in (
        whole[: whole.index(cawg.TRACES[0]) + 40],
        cawg.TRACES[1],
        b"\x1aE\xdf\xa3" + b"x" * cawg.PIECE + cawg.TRACES[2],
    ):
        cut.write_bytes(data)
        assert cawg.read(cut)[0].says == "unreadable"


def store(*assertions):
    return json.dumps({"manifests": {"one": {"assertions": list(assertions)}}})


def said(use, label="cawg.training-mining", key="cawg.ai_training"):
    return {"label": label, "data": {"entries": {key: {"use": use}}}}


@pytest.mark.parametrize(
    ("text", "valid", "says"),
    [
        (store(said("allowed")), True, "allowed"),
        (store(said("allowed")), False, "unreadable"),
        (store(said("notAllowed")), False, "reserved"),
        (store(said("allowed"), said("notAllowed", "cawg.training-mining__1")), True, "reserved"),
        (store(said("allowed"), said("notAllowed", "c2pa.training-mining", "c2pa.data_mining")), True, "reserved"),
        (store(said("perhaps")), True, "unreadable"),
        (store(said("ALLOWED")), True, "unreadable"),
        (store({"label": "cawg.training-mining", "data": {"entries": 3}}), True, "unreadable"),
        (store({"label": "cawg.training-mining"}), True, "unreadable"),
        (store({"label": 7, "data": {}}), True, "unreadable"),
        (store(), True, "silent"),
        ("{}", True, "unreadable"),
        ("nonsense", True, "unreadable"),
        ("[" * 100_000, True, "unreadable"),
    ],
)
def test_manifests(text, valid, says):
    assert cawg.from_store(text, valid, "film.mp4").says == says


keys = st.sampled_from(["manifests", "assertions", "label", "data", "entries", "use"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["use", "cawg.ai_training", "notAllowed", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["manifests", "assertions", "label", "data", "entries", "use"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(value=json_values, valid=st.booleans())
def test_noise_is_never_a_yes(value, valid):
    for text in (json.dumps(value), json.dumps({"manifests": {"a": value}}), store(value)):
        assert cawg.from_store(text, valid, "film.mp4").says != "allowed"


@given(data=st.binary(max_size=60), trace=st.sampled_from(cawg.TRACES))
def test_bytes_around_a_trace_never_raise(data, trace, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "noise.mp4"
    file.write_bytes(data[:4] + b"ftypisom" + data + trace + data)
    assert cawg.read(file)[0].says == "unreadable"
