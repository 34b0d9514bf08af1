"""Who vouches for a bundle: signatures, and the digests that are pinned in the package."""

import json
import shutil

import pytest
from bundle.miniature import make_parts, make_provenance
from typer.testing import CliRunner

import langit.bundle.check as checks
from langit import config
from langit.bundle import load_bundle, resolve, save_bundle
from langit.bundle.check import check_bundle
from langit.bundle.folder import add_file, read_provenance, seal_bundle
from langit.bundle.pinned import PINNED
from langit.bundle.signature import read_signature, sign_bundle
from langit.cli import app
from langit.ledger import keys
from langit.ledger.checkpoint import Signer

MAKER = Signer.generate("maker")


@pytest.fixture
def signed(folder):
    sign_bundle(folder, read_provenance(folder), MAKER)
    return folder


def finding(folder, what, **options):
    found = [one for one in check_bundle(folder, render=0, **options).findings if one.what == what]
    return (found[0].state, found[0].text) if found else None


def change_weights(folder):
    """Change one weight so that the bundle is consistent again, as a forger would."""
    path = folder / "vae/diffusion_pytorch_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    file = folder / "provenance.json"
    plain = json.loads(file.read_text())
    from langit.bundle.files import hash_files

    file.write_text(json.dumps(plain | {"files": hash_files(folder)}))


def test_a_signature_names_its_key_and_is_trusted_only_if_the_key_is(signed, monkeypatch):
    assert read_signature(signed, read_provenance(signed)).verifier == MAKER.verifier
    assert load_bundle(signed).path == signed
    state, text = finding(signed, "signer")
    assert state == "unknown" and str(MAKER.verifier) in text and "compare this key" in text
    assert finding(signed, "signer", signer=MAKER.verifier)[0] == "holds"
    other = Signer.generate("maker").verifier
    state, text = finding(signed, "signer", signer=other)
    assert state == "broken" and str(MAKER.verifier) in text and str(other) in text


def test_the_ledger_key_of_this_machine_is_known(folder):
    sign_bundle(folder, read_provenance(folder), keys.signer(config.home() / "ledger"))
    state, text = finding(folder, "signer")
    assert state == "holds" and "the ledger key of this machine" in text


def test_weights_that_were_changed_and_sealed_again_are_refused_if_the_bundle_is_signed(signed):
    change_weights(signed)
    with pytest.raises(ValueError, match="signature.json signs another model than sha256:.*was changed, get it again"):
        load_bundle(signed)
    report = check_bundle(signed, render=0)
    assert not report.holds and "signs another model" in finding(signed, "signer")[1]


def test_weights_that_were_changed_and_signed_by_another_are_not_the_makers(signed):
    change_weights(signed)
    sign_bundle(signed, read_provenance(signed), Signer.generate("maker"))
    assert finding(signed, "signer", signer=MAKER.verifier)[0] == "broken"
    assert finding(signed, "signer")[0] == "unknown"


def test_a_signature_that_was_taken_away_is_noticed(signed):
    change_weights(signed)
    (signed / "signature.json").unlink()
    state, text = finding(signed, "signer")
    assert state == "unknown" and "not signed: anyone can have changed its files" in text
    assert finding(signed, "signer", signer=MAKER.verifier)[0] == "broken"


BAD = {
    "another note": lambda plain: plain | {"note": plain["note"].replace("langit bundle", "langit bundles")},
    "another key": lambda plain: plain | {"verifier": str(Signer.generate("maker").verifier)},
    "a key that is none": lambda plain: plain | {"verifier": "maker+00000000+AAAA"},
    "no key": lambda plain: {"format": plain["format"], "note": plain["note"]},
    "no note": lambda plain: {"format": plain["format"], "verifier": plain["verifier"]},
    "another format": lambda plain: plain | {"format": "langit-signature-2"},
    "a list": lambda plain: [plain],
    "a checkpoint of a ledger": lambda plain: plain | {"note": MAKER.sign("maker\n3\nAAAA\n")},
}


@pytest.mark.parametrize("what", BAD)
def test_a_signature_that_is_not_valid_is_refused(signed, what):
    path = signed / "signature.json"
    path.write_text(json.dumps(BAD[what](json.loads(path.read_text()))))
    with pytest.raises(ValueError, match=r"signature\.json .*(get the bundle again|get it again)"):
        load_bundle(signed)
    assert finding(signed, "signer")[0] == "broken" and not check_bundle(signed, render=0).holds


def test_changing_a_bundle_removes_its_signature(signed):
    add_file(signed, "more.json", lambda path: path.write_text("{}"))
    assert not (signed / "signature.json").exists()
    sign_bundle(signed, read_provenance(signed), MAKER)
    (signed / "more.json").write_text("[]")
    seal_bundle(signed)
    assert not (signed / "signature.json").exists() and load_bundle(signed)


def test_shipped_models_are_pinned():
    for name, digest in PINNED.items():
        assert read_provenance(resolve(name)).digest == digest, "pin the new digest in langit/bundle/pinned.py"
        assert finding(resolve(name), "digest")[0] == "holds" and finding(resolve(name), "signer") is None


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A package that ships a miniature of pocket."""
    folder = tmp_path / "weights" / "pocket"
    sealed = save_bundle(folder, make_parts(), make_provenance(model="pocket"))
    monkeypatch.setattr(checks, "packaged_models", lambda: tmp_path / "weights")
    monkeypatch.setattr(checks, "PINNED", {"pocket": sealed.digest})
    return folder


def test_a_shipped_model_that_was_changed_and_sealed_again_is_broken(shipped):
    assert finding(shipped, "digest")[0] == "holds" and finding(shipped, "signer") is None
    change_weights(shipped)
    state, text = finding(shipped, "digest")
    assert state == "broken" and "is not the pocket that ships with Langit" in text


def test_a_changed_copy_of_a_shipped_model_is_not_taken_for_it(shipped, tmp_path):
    shutil.copytree(shipped, tmp_path / "copy")
    assert finding(tmp_path / "copy", "digest")[0] == "holds"
    change_weights(tmp_path / "copy")
    state, text = finding(tmp_path / "copy", "digest")
    assert state == "unknown" and "is not the one that ships with Langit" in text
    assert finding(tmp_path / "copy", "signer")[0] == "unknown"


def test_a_card_that_the_digest_does_not_cover_is_reported(folder):
    (folder / "README.md").write_text("a card")
    assert finding(folder, "card") == ("unknown", "README.md is not covered by the model's digest")
    seal_bundle(folder)
    assert finding(folder, "card") is None


def run(*arguments):
    result = CliRunner().invoke(app, ["bundle", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_verbs_print_digest_and_signer(folder):
    code, output = run("check", folder, "--render", "0")
    digest = read_provenance(folder).digest
    assert code == 0 and digest in output and "signer: the bundle is not signed" in output
    code, output = run("sign", folder)
    assert code == 0 and f"{digest} is signed by " in output
    key = output.split("is signed by ")[1].strip()
    assert run("check", folder, "--render", "0", "--signer", key)[0] == 0
    (folder / "README.md").write_text("a card")
    code, output = run("seal", folder)
    assert code == 0 and "changed README.md" in output and read_provenance(folder).digest in output
    assert run("check", folder, "--render", "0", "--signer", key)[0] != 0


def test_files_that_were_changed_are_not_signed(folder):
    (folder / "vae/config.json").write_text("{}")
    assert run("sign", folder)[0] != 0 and not (folder / "signature.json").exists()
