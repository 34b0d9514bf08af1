"""Refusals of the door that no other test needs: each fails here if its check is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from release.leaving import FACTS, clip

from langit.release import Door, release, release_image, release_preview
from langit.release.credentials.identity import Identity, SigningConfig, identity
from langit.release.outputs import FingerprintSampler
from langit.release.watermark import read


def test_a_preview_goes_where_an_image_may_go(tmp_path: Path) -> None:
    picture = clip(1)[0]
    for name, words in (
        ("a.txt", "does not end in .png"),
        ("a.mp4", "does not end in .png"),
        ("none/a.png", "none is"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=words):
            release_preview(picture, FACTS, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 4), (64, 64, 1), (1, 64, 64, 3)])
def test_a_picture_of_another_shape_is_refused(tmp_path: Path, door: Door, shape: tuple[int, ...]) -> None:
    for save in (lambda frame: release_image(frame, FACTS, tmp_path / "a.png", door),
                 lambda frame: release_preview(frame, FACTS, tmp_path / "a.png")):  # fmt: skip
        with pytest.raises(ValueError, match="uint8"):
            save(np.zeros(shape, np.uint8))
        with pytest.raises(ValueError, match="uint8"):
            save(np.zeros((64, 64, 3), np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 4)])
def test_a_watermark_is_read_from_colour_alone(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="pass \\(height, width, 3\\)"):
        read([np.zeros(shape, np.uint8)])


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path, door: Door) -> None:
    """Somebody wrote it while the frames were made: neither it nor the ledger changes."""

    def frames() -> Iterator[np.ndarray]:
        yield from clip(5)
        (tmp_path / "a.mp4").write_bytes(b"somebody's")

    with pytest.raises(FileExistsError, match="a.mp4 exists"):
        release(frames(), FACTS, tmp_path / "a.mp4", door)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"somebody's" and door.outputs.ledger.outputs() == ()


def test_a_long_video_keeps_few_fingerprints_and_spreads_them() -> None:
    sampler = FingerprintSampler()
    for number in range(100):
        sampler.take(clip(1, seed=number)[0])
    assert 4 <= len(sampler.kept) <= 8


def test_an_encrypted_key_and_one_of_another_certificate_are_refused(tmp_path: Path, own: Identity) -> None:
    secret = ed25519.Ed25519PrivateKey.generate()
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked = tmp_path / "locked.pem"
    locked.write_bytes(secret.private_bytes(*pem, serialization.BestAvailableEncryption(b"secret")))
    locked.chmod(0o600)
    (tmp_path / "chain.pem").write_bytes(b"".join(one.public_bytes(pem[0]) for one in own.chain))
    with pytest.raises(ValueError, match="is encrypted: name one that is not, or use a callback"):
        identity(tmp_path / "keys", SigningConfig(chain=str(tmp_path / "chain.pem"), key=str(locked)))
    keys = tmp_path / "keys"
    identity(keys)
    file = next(path for path in keys.rglob("leaf.pem"))
    certificate = file.read_bytes().partition(b"-----BEGIN PRIVATE KEY")[0]
    file.write_bytes(certificate + secret.private_bytes(*pem, serialization.NoEncryption()))
    with pytest.raises(ValueError, match="holds a key that does not belong to its certificate"):
        identity(keys)
