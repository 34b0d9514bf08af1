"""The identity is created on first use, readable by its owner only, renewed in time, replaced on request."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from release.authorities import EMAIL, Holder, issue

from langit.release.credentials.identity import (
    SELF_ISSUED,
    YEAR,
    Identity,
    SigningConfig,
    common_name,
    identity,
    own_roots,
    renew,
    signing,
)

NOW = datetime.now(UTC)


def test_an_identity_is_created_once_and_is_self_issued(tmp_path: Path) -> None:
    created = identity(tmp_path / "keys")
    again = identity(tmp_path / "keys")
    assert (created.fingerprint, created.root, created.key) == (again.fingerprint, again.root, again.key)
    assert created.made_here and created.private and "Langit" in created.name
    leaf, top = created.chain
    assert SELF_ISSUED in leaf.subject.rfc4514_string().replace("\\", "")
    assert common_name(top) == created.name.replace("Langit ", "Langit root ")
    leaf.verify_directly_issued_by(top)
    top.verify_directly_issued_by(top)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert ExtendedKeyUsageOID.EMAIL_PROTECTION in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    assert top.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)


def test_no_two_homes_have_the_same_names(tmp_path: Path) -> None:
    assert identity(tmp_path / "a").name != identity(tmp_path / "b").name


@pytest.mark.skipif(os.name != "posix", reason="other systems keep rights otherwise")
def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    created = identity(tmp_path / "keys")
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"root.pem", "leaf.pem"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(Path(created.where).stat().st_mode) == 0o700
    assert created.key is not None and created.key.decode() not in repr(created) and "PRIVATE" not in repr(created)
    (Path(created.where) / "leaf.pem").chmod(0o644)
    with pytest.raises(ValueError, match="readable by others"):
        identity(tmp_path / "keys")


def test_the_root_renews_a_leaf_after_half_its_validity(tmp_path: Path) -> None:
    created = identity(tmp_path, now=NOW)
    assert identity(tmp_path, now=NOW + 4.9 * YEAR).fingerprint == created.fingerprint
    later = identity(tmp_path, now=NOW + 5.1 * YEAR)
    assert later.root == created.root and later.fingerprint != created.fingerprint
    assert later.leaf.not_valid_after_utc > NOW + 15 * YEAR
    assert identity(tmp_path, now=NOW + 5.2 * YEAR).fingerprint == later.fingerprint


def test_a_root_that_would_not_outlive_a_leaf_is_replaced_and_kept(tmp_path: Path) -> None:
    created = identity(tmp_path, now=NOW)
    later = identity(tmp_path, now=NOW + 26 * YEAR)
    assert later.root != created.root and later.leaf.not_valid_after_utc > NOW + 35 * YEAR
    assert {common_name(created.chain[1]), common_name(later.chain[1])} == set(map(common_name, own_roots(tmp_path)))


def test_new_keys_keep_the_old_ones_aside(tmp_path: Path) -> None:
    assert own_roots(tmp_path) == ()
    first, second, third = identity(tmp_path), renew(tmp_path), renew(tmp_path)
    assert identity(tmp_path).fingerprint == third.fingerprint
    assert [each.chain[-1] for each in (third,)] == list(own_roots(tmp_path)[:1])
    assert set(own_roots(tmp_path)) == {each.chain[-1] for each in (first, second, third)}
    assert len(list((tmp_path / "kept").glob("*/leaf.pem"))) == 2


def test_concurrent_first_uses_share_one_identity(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: identity(tmp_path).fingerprint, range(8)))
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["signing"]


@pytest.mark.parametrize("name", ["leaf.pem", "root.pem"])
@pytest.mark.parametrize(
    ("contents", "words"),
    [(b"", "no certificates"), (b"-----BEGIN CERTIFICATE-----\nAA==\n-----END", "no certificates")],
)
def test_damaged_keys_are_named(tmp_path: Path, name: str, contents: bytes, words: str) -> None:
    path = Path(identity(tmp_path).where) / name
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=words) as caught:
        identity(tmp_path)
    assert name in str(caught.value)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    path = Path(identity(tmp_path / "a").where) / "leaf.pem"
    other = (Path(identity(tmp_path / "b").where) / "leaf.pem").read_bytes()
    mine = path.read_bytes()
    split = b"-----BEGIN PRIVATE KEY"
    path.write_bytes(mine.partition(split)[0] + split + other.partition(split)[2])
    with pytest.raises(ValueError, match="does not belong to its certificate"):
        identity(tmp_path / "a")
    path.write_bytes(mine.partition(split)[0])
    with pytest.raises(ValueError, match="no private key"):
        identity(tmp_path / "a")


def files(folder: Path, who: Holder, *issuers: Holder, key: Holder | None = None) -> SigningConfig:
    (folder / "chain.pem").write_bytes(b"".join(each.pem for each in (who, *issuers)))
    (folder / "leaf.key").write_bytes((key or who).secret)
    (folder / "leaf.key").chmod(0o600)
    return SigningConfig(chain=str(folder / "chain.pem"), key=str(folder / "leaf.key"))


def test_a_chain_of_ones_own_is_used(tmp_path: Path, root: Holder, leaf: Holder) -> None:
    found = identity(tmp_path / "keys", files(tmp_path, leaf, root))
    assert found.chain == (leaf.certificate, root.certificate) and not found.made_here
    assert not (tmp_path / "keys").exists()


def test_a_callback_can_replace_a_key(tmp_path: Path, root: Holder, leaf: Holder) -> None:
    chain = files(tmp_path, leaf, root).chain
    found = identity(tmp_path, SigningConfig(chain=chain, callback="os.path:basename"))
    assert found.key is None and found.callback is os.path.basename
    for callback, words in (("nonesuch:sign", "cannot be imported"), ("os:nonesuch", "cannot be imported")):
        with pytest.raises(ValueError, match=words):
            identity(tmp_path, SigningConfig(chain=chain, callback=callback))
    with pytest.raises(ValueError, match="not a function"):
        identity(tmp_path, SigningConfig(chain=chain, callback="os:sep"))


def test_defects_of_a_chain_are_named(tmp_path: Path, root: Holder, leaf: Holder) -> None:
    other = issue("Other", root, use=EMAIL)
    old = issue("Old", root, use=EMAIL, end=NOW - timedelta(days=1))
    with pytest.raises(ValueError, match="not the key of the first certificate"):
        identity(tmp_path, files(tmp_path, leaf, root, key=other))
    with pytest.raises(ValueError, match="get a new one"):
        identity(tmp_path, files(tmp_path, old, root))
    with pytest.raises(ValueError, match="was not issued by"):
        identity(tmp_path, files(tmp_path, leaf, other))
    with pytest.raises(ValueError, match="was not issued by"):
        identity(tmp_path, files(tmp_path, leaf, issue("Root of the test", authority=True)))
    settings = files(tmp_path, leaf, root)
    Path(settings.key).chmod(0o644)
    with pytest.raises(ValueError, match="readable by others"):
        identity(tmp_path, settings)
    with pytest.raises(OSError, match="nonesuch"):
        identity(tmp_path, SigningConfig(chain=str(tmp_path / "nonesuch.pem"), key=settings.key))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"chain": "a"}, "together with"),
        ({"key": "a"}, "together with"),
        ({"chain": "a", "key": "b", "callback": "c:d"}, "together with"),
        ({"chain": "a", "callback": "c"}, "module:function"),
        ({"timestamps": "ftp://x"}, "http"),
    ],
)
def test_contradicting_settings_are_refused(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SigningConfig(**wrong)


def test_settings_are_read_from_release_toml(tmp_path: Path) -> None:
    assert signing(tmp_path) == SigningConfig()
    file = tmp_path / "release.toml"
    file.write_text('[signing]\ntimestamps = "https://example.com"\n[other]\na = 1\n')
    assert signing(tmp_path).timestamps == "https://example.com"
    for text in ("[signing", "[signing]\nkee = 1\n", "[signing]\nmining = 'yes'\n"):
        file.write_text(text)
        with pytest.raises(ValueError, match="release.toml"):
            signing(tmp_path)


def test_the_pem_of_an_identity_is_its_chain(own: Identity) -> None:
    assert x509.load_pem_x509_certificates(own.pem) == list(own.chain)
