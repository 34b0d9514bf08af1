"""Bundles that two programs would read differently, and configs that name code for other libraries to run."""

import json
import os
import struct

import pytest

from langit import config
from langit.bundle.check import check_bundle
from langit.bundle.files import hash_files
from langit.bundle.tensors import check_whole


def edit(folder, change):
    """Change the text of the provenance, whose parsed content stays as it was."""
    file = folder / "provenance.json"
    before = json.loads(file.read_text())
    file.write_text(change(file.read_text()), encoding="utf-8")
    return before


def reseal(folder, name, change):
    """Change a JSON file, and put its new hash into the provenance."""
    plain = json.loads((folder / name).read_text())
    change(plain)
    (folder / name).write_text(json.dumps(plain))
    provenance = json.loads((folder / "provenance.json").read_text())
    (folder / "provenance.json").write_text(json.dumps(provenance | {"files": hash_files(folder)}))


def refused(folder, said):
    found = check_bundle(folder, render=0)
    assert not found.holds and said in found.findings[0].text and "\n" not in found.findings[0].text


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("{", '{"model": "another", ', 1),
        lambda text: text.replace('"ledger": {', '"ledger": {"size": 1, ', 1),
        lambda text: text.replace('"files": {', '"files": {"vae/config.json": "' + "0" * 64 + '", ', 1),
    ],
)
def test_a_key_of_the_provenance_is_there_once(folder, change):
    before = edit(folder, change)
    assert json.loads((folder / "provenance.json").read_text()) == before  # the last of two counts for many parsers
    refused(folder, "twice")


@pytest.mark.parametrize(
    "name", ["./vae/config.json", "vae//config.json", "vae/./config.json", "vae\\config.json", "a\0b"]
)
def test_a_file_has_one_name(folder, name):
    plain = json.loads((folder / "provenance.json").read_text())
    plain["files"][name] = plain["files"]["vae/config.json"]
    (folder / "provenance.json").write_text(json.dumps(plain))
    refused(folder, "not a file's name")


@pytest.mark.parametrize("name", ["signature.json", "provenance.json"])
def test_a_folder_is_no_signature(folder, name):
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    assert not check_bundle(folder, render=0).holds


def test_a_provenance_in_utf_16_or_with_nan_is_refused(folder):
    file, text = folder / "provenance.json", (folder / "provenance.json").read_text()
    file.write_bytes(text.encode("utf-16"))
    refused(folder, "provenance.json")
    file.write_text(text.replace("{", '{"x": NaN, ', 1))
    refused(folder, "provenance.json")


CODE = [
    ("transformer/config.json", {"auto_map": {"AutoModel": "evil/repo--model.Model"}}),
    ("text_encoder/config.json", {"nested": [{"auto_map": {}}]}),
    ("vae/config.json", {"trust_remote_code": True}),
    ("model_index.json", {"custom_pipelines": "evil/repo"}),
    ("model_index.json", {"scheduler": ["os", "system"]}),
    ("model_index.json", {"safety_checker": ["evil.module", "Checker"]}),
]


@pytest.mark.parametrize(("name", "more"), CODE)
def test_configs_that_name_code_are_refused_even_if_the_hashes_agree(folder, name, more):
    reseal(folder, name, lambda plain: plain.update(more))
    refused(folder, "code")


def test_a_tensor_is_described_once(tmp_path):
    entry = '{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'
    for text in (f'{{"a": {entry}, "a": {entry}}}', f'{{"a": {entry[:-1]}, "dtype": "I32"}}}}'):
        (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(text)) + text.encode() + bytes(4))
        with pytest.raises(ValueError, match="not a safetensors file"):
            check_whole(tmp_path / "a.safetensors")


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '{"b": [{"a": 1, "a": 2}]}', "NaN", "[-Infinity]"])
def test_ambiguous_json_is_refused(text):
    with pytest.raises(ValueError, match=r"x\.json is not JSON"):
        config.parse_json(text, "x.json")


def test_a_byte_order_mark_is_read_and_utf_16_is_not():
    assert config.parse_json(b"\xef\xbb\xbf{}", "x.json") == {}
    with pytest.raises(ValueError, match="is not JSON"):
        config.parse_json("{}".encode("utf-16"), "x.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_in_place_of_the_provenance_is_not_waited_for(folder):
    (folder / "provenance.json").unlink()
    os.mkfifo(folder / "provenance.json")
    assert not check_bundle(folder, render=0).holds
