"""Bundles that are damaged, forged or foreign: every error is one line that names the file and the mend."""

import json
import os
import re
import shutil
import socket
import zipfile

import pytest
from bundle.miniature import make_parts, make_provenance

from langit.bundle import load_bundle, save_bundle
from langit.bundle.check import check_bundle
from langit.bundle.files import hash_files
from langit.bundle.folder import seal_bundle
from langit.bundle.tensors import check_whole, open_tensors

PICKLED = b"\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01w\x94K\x01s."  # {"w": 1}


def damage(folder, what):
    transformer = folder / "transformer/diffusion_pytorch_model.safetensors"
    if what == "missing weights":
        transformer.unlink()
    elif what == "missing config":
        (folder / "vae/config.json").unlink()
    elif what == "truncated":
        os.truncate(transformer, transformer.stat().st_size - 100)
    elif what == "empty":
        os.truncate(transformer, 0)
    elif what == "header alone":
        os.truncate(transformer, 20)
    elif what == "swapped":
        shutil.copy(folder / "vae/diffusion_pytorch_model.safetensors", transformer)
    elif what == "one bit":
        content = bytearray(transformer.read_bytes())
        content[-1] ^= 1
        transformer.write_bytes(content)
    elif what == "edited config":
        config = folder / "transformer/config.json"
        config.write_text(config.read_text().replace('"num_layers": 2', '"num_layers": 3'))
    elif what == "pickle by name":
        (folder / "transformer/diffusion_pytorch_model.bin").write_bytes(PICKLED)
    elif what == "pickle by content":
        transformer.write_bytes(PICKLED)
    elif what == "not safetensors":
        transformer.write_bytes((2).to_bytes(8, "little") + b"[]" + bytes(50))
    elif what == "zipped pickle":
        with zipfile.ZipFile(transformer, "w") as archive:  # what torch has written since 1.6
            archive.writestr("archive/data.pkl", PICKLED)
    elif what == "no provenance":
        (folder / "provenance.json").unlink()
    elif what == "half a provenance":
        file = folder / "provenance.json"
        file.write_text(file.read_text()[:200])
    elif what == "another recipe":
        file = folder / "provenance.json"
        file.write_text(file.read_text().replace("0.002", "0.001"))
    elif what == "another format":
        file = folder / "provenance.json"
        file.write_text(file.read_text().replace("langit-provenance-1", "langit-provenance-9"))
    elif what == "a field gone":
        file = folder / "provenance.json"
        plain = json.loads(file.read_text())
        del plain["ledger"]
        file.write_text(json.dumps(plain))
    elif what == "outside":
        file = folder / "provenance.json"
        plain = json.loads(file.read_text())
        plain["files"] = {"../secret": "ab" * 32} | plain["files"]
        file.write_text(json.dumps(plain))
    elif what == "unhashed":
        file = folder / "provenance.json"
        plain = json.loads(file.read_text())
        del plain["files"]["transformer/config.json"]
        file.write_text(json.dumps(plain))
        (folder / "transformer/config.json").unlink()
    elif what == "itself":
        file = folder / "provenance.json"
        plain = json.loads(file.read_text())
        plain["files"] = {"provenance.json": "ab" * 32} | plain["files"]
        file.write_text(json.dumps(plain))


DAMAGE = {
    "missing weights": r"transformer/diffusion_pytorch_model\.safetensors is missing: get the bundle again",
    "missing config": r"vae/config\.json is missing",
    "truncated": r"has \d+ bytes, its header says \d+: it was cut off, get the file again",
    "empty": r"transformer/diffusion_pytorch_model\.safetensors is cut off after 0 bytes",
    "header alone": r"is cut off after 20 bytes",
    "swapped": r"transformer/diffusion_pytorch_model\.safetensors is vae/diffusion_pytorch_model\.safetensors under",
    "one bit": r"transformer/diffusion_pytorch_model\.safetensors is not the file that provenance\.json names",
    "edited config": r"transformer/config\.json is not the file that provenance\.json names",
    "pickle by name": r"diffusion_pytorch_model\.bin is a pickle by its name, which can run code",
    "pickle by content": r"diffusion_pytorch_model\.safetensors is a pickle, which can run code",
    "not safetensors": r"diffusion_pytorch_model\.safetensors is not a safetensors file",
    "zipped pickle": r"diffusion_pytorch_model\.safetensors is a pickle, which can run code",
    "no provenance": r"provenance\.json is missing: .* is not a complete Langit bundle",
    "half a provenance": r"provenance\.json is not JSON .*get the bundle again",
    "another recipe": r"the recipe in provenance\.json is not the one that recipe_hash names",
    "another format": r"is of format 'langit-provenance-9', not 'langit-provenance-1'",
    "a field gone": r"provenance\.json is incomplete .*lacks ledger.*get the bundle again",
    "outside": r"names '\.\./secret', outside the bundle",
    "itself": r"names 'provenance\.json', outside the bundle",
    "unhashed": r"has no hash of transformer/config\.json: get the bundle again",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_one_line_that_names_the_file_and_the_mend(folder, what):
    damage(folder, what)
    with pytest.raises(ValueError, match=DAMAGE[what]) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


OTHER_SIZES = [("num_layers", 2, 3), ("num_layers", 2, 1), ("ffn_dim", 48, 50)]


@pytest.mark.parametrize(("key", "old", "new"), OTHER_SIZES)
def test_weights_of_another_model_are_named_even_when_the_hashes_agree(folder, key, old, new):
    config, file = folder / "transformer/config.json", folder / "provenance.json"
    config.write_text(config.read_text().replace(f'"{key}": {old}', f'"{key}": {new}'))
    plain = json.loads(file.read_text())
    file.write_text(json.dumps(plain | {"files": hash_files(folder)}))
    with pytest.raises(ValueError, match=r"lacks weight 'blocks\.2|unknown weight 'blocks\.1|config needs"):
        load_bundle(folder)


@pytest.mark.parametrize("low", [2, 3, 4, 5])
def test_a_header_length_that_looks_like_a_pickle_is_read(tmp_path, low):
    """Header lengths 640, 896, 1152 and 1408 begin with the bytes that pickles begin with."""
    path = tmp_path / "x.safetensors"
    length = 0x80 + (low << 8)
    path.write_bytes(length.to_bytes(8, "little") + b"{}".ljust(length))
    check_whole(path)
    os.truncate(path, 100)
    with pytest.raises(ValueError, match="cut off after 100 bytes"):
        check_whole(path)


STRANGE = [
    "vae/other.safetensors",
    "transformer/diffusion_pytorch_model.safetensors.index.json",
    "a/b/new.json",
    "notes.txt",
    "more.zip",
]


@pytest.mark.parametrize("name", STRANGE)
def test_files_that_the_provenance_does_not_name_are_refused(folder, name):
    (folder / "README.md").write_text("kept")
    load_bundle(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text('{"weight_map": {}}')
    with pytest.raises(ValueError, match=rf"{re.escape(name)} is not named by provenance\.json: remove it"):
        load_bundle(folder)


PICKLES = ["model.bin", "model.BIN", "text_encoder/pytorch_model.Bin", "x.ckpt", "x.pt", "x.pth", "x.pkl", "x.PICKLE"]
PICKLES += ["x.dill", "x.joblib"]
KINDS = ["x.npz", "x.npy", "x.h5", "x.onnx", "x.gguf", "modeling.py", "x.so", "x.sh", "x.JSON", "x.SafeTensors", "x"]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    ("name", "message"),
    [(name, "is a pickle by its name") for name in PICKLES] + [(name, "is not of a kind") for name in KINDS],
)
def test_other_kinds_of_files_are_refused_even_if_the_provenance_names_them(folder, name, message, named):
    (folder / name).write_bytes(b"1")
    if named:
        rehash(folder)
    with pytest.raises(ValueError, match=rf"{re.escape(name)} {message}.*: remove it"):
        load_bundle(folder)
    assert not check_bundle(folder, render=0).holds
    with pytest.raises(ValueError, match=message):
        seal_bundle(folder)


def link_out(folder, outside):
    (outside / "config.json").write_bytes((folder / "vae/config.json").read_bytes())
    (folder / "vae/config.json").unlink()
    (folder / "vae/config.json").symlink_to(outside / "config.json")


def link_nowhere(folder, outside):
    (folder / "vae/config.json").unlink()
    (folder / "vae/config.json").symlink_to(outside / "nothing")


def link_to_a_folder(folder, outside):
    (folder / "vae").rename(outside / "vae")
    (folder / "vae").symlink_to(outside / "vae")


def link_to_a_folder_inside(folder, _outside):
    (folder / "again").symlink_to(folder / "vae")


@pytest.mark.parametrize("change", [link_out, link_nowhere, link_to_a_folder, link_to_a_folder_inside])
def test_links_out_of_the_bundle_and_linked_folders_are_refused(folder, tmp_path, change):
    (tmp_path / "outside").mkdir()
    change(folder, tmp_path / "outside")
    with pytest.raises(ValueError, match="is a link to .*, which is not a file of the bundle: copy the file"):
        load_bundle(folder)


def test_a_link_to_a_named_file_of_the_bundle_is_read(folder):
    (folder / "real.json").write_bytes((folder / "vae/config.json").read_bytes())
    (folder / "vae/config.json").unlink()
    (folder / "vae/config.json").symlink_to(folder / "real.json")
    rehash(folder)
    assert load_bundle(folder).path == folder


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)  # the path of a socket has at most 107 bytes
        server.bind(path.name)


@pytest.mark.parametrize("make", [os.mkfifo, make_socket])
@pytest.mark.parametrize("name", ["README.md", "pipe.json", "vae/pipe.safetensors"])
def test_pipes_and_sockets_are_refused_and_never_opened(folder, make, name, monkeypatch):
    monkeypatch.chdir(folder)
    make(folder / name)
    with pytest.raises(ValueError, match=rf"{re.escape(name)} is not an ordinary file: remove it"):
        load_bundle(folder)


def rehash(folder):
    """Make the digests agree again, as a forger would."""
    file = folder / "provenance.json"
    plain = json.loads(file.read_text())
    file.write_text(json.dumps(plain | {"files": hash_files(folder)}))


@pytest.mark.parametrize("text", ["{}", "[]", '{"weight_map": 3}', '{"weight_map": {"w": "../vae/x.safetensors"}}'])
def test_an_index_that_is_not_one_is_named(folder, text):
    (folder / "vae/diffusion_pytorch_model.safetensors.index.json").write_text(text)
    rehash(folder)
    with pytest.raises(
        ValueError, match=r"vae.*(is not an index of weights: get the bundle|no hash of it: get it) again"
    ):
        load_bundle(folder)


KEYS = [
    ("scheduler/scheduler_config.json", "langit"),
    ("model_index.json", "sizes"),
    ("model_index.json", "fps"),
    ("tokenizer/tokenizer_config.json", "model_max_length"),
]


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_a_consistent_but_foreign_bundle_is_one_line(folder, name, key):
    plain = json.loads((folder / name).read_text())
    del plain[key]
    (folder / name).write_text(json.dumps(plain))
    rehash(folder)
    with pytest.raises(ValueError, match=rf"{re.escape(str(folder / name))} lacks {key}: get the bundle again"):
        load_bundle(folder)


NESTED = "[" * 100_000
JSONS = [
    "model_index.json",
    "provenance.json",
    "signature.json",
    "transformer/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "scheduler/scheduler_config.json",
    "vae/diffusion_pytorch_model.safetensors.index.json",
]


@pytest.mark.parametrize("text", [NESTED, '{"a":' * 70 + "1" + "}" * 70, "[]", "\udcff{", "nul", '{"a": 1e9999'])
@pytest.mark.parametrize("name", JSONS)
def test_no_json_of_a_bundle_is_a_traceback(folder, name, text):
    (folder / name).write_bytes(text.encode(errors="surrogateescape"))
    if name != "provenance.json":
        rehash(folder)
    with pytest.raises(ValueError, match=re.escape(name)) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def header(text, data=b""):
    return len(text).to_bytes(8, "little") + text + data


W = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
HEADERS = {
    "nested": header(NESTED.encode()),
    "a list": header(b"[]"),
    "an unknown dtype": header(b'{"w":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}', bytes(8)),
    "a shape that does not fit": header(b'{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', bytes(8)),
    "a negative shape": header(b'{"w":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}', bytes(8)),
    "a shape of truth": header(b'{"w":{"dtype":"F32","shape":[true,2],"data_offsets":[0,8]}}', bytes(8)),
    "three offsets": header(b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}', bytes(8)),
    "offsets into the header": header(b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}', bytes(8)),
    "an overlap": header(W + b',"v":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', bytes(8)),
    "a gap": header(W + b',"v":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}', bytes(16)),
    "metadata that are not text": header(b'{"__metadata__":{"a":1}}'),
    "more than the header says": header(W + b"}", bytes(9)),
    "less than the header says": header(W + b"}", bytes(7)),
    "a length beyond the file": (2**63).to_bytes(8, "little") + b"{}",
}


@pytest.mark.parametrize("what", HEADERS)
def test_safetensors_with_a_forged_header_are_refused(tmp_path, what):
    path = tmp_path / "x.safetensors"
    path.write_bytes(HEADERS[what])
    with pytest.raises(ValueError, match=r"x\.safetensors.*get the file again"):
        check_whole(path)


def test_a_file_that_is_cut_after_it_was_opened_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(header(b'{"w":{"dtype":"F32","shape":[9000],"data_offsets":[0,36000]}}', bytes(36_000)))
    with open_tensors(path) as file:
        os.truncate(path, path.stat().st_size - 1)
        with pytest.raises(ValueError, match="cut off in tensor 'w'"):
            file.read_array("w")


NEEDED = [name for name in JSONS[:-1] if name not in ("provenance.json", "signature.json")] + ["films.safetensors"]


@pytest.mark.parametrize("name", NEEDED)
def test_every_file_that_is_opened_has_to_be_named(folder, name):
    (folder / name).unlink()
    rehash(folder)
    with pytest.raises(ValueError, match=rf"provenance.json has no hash of {re.escape(name)}: get the bundle again"):
        load_bundle(folder)


@pytest.mark.parametrize("key", ["transformer", "vae", "text_encoder"])
@pytest.mark.parametrize("entry", [["x", "Nothing"], None, "Autoencoder2", [], 3])
def test_a_network_that_this_version_does_not_know_is_named(folder, key, entry):
    file = folder / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: entry}))
    rehash(folder)
    with pytest.raises(ValueError, match=rf"model_index.json names .* as {key}, which this version cannot load: use"):
        load_bundle(folder)


def test_a_vocabulary_of_another_size_is_named(folder):
    file = folder / "tokenizer/tokenizer.json"
    plain = json.loads(file.read_text())
    plain["model"]["vocab"]["more"] = len(plain["model"]["vocab"])
    file.write_text(json.dumps(plain))
    rehash(folder)
    with pytest.raises(ValueError, match=r"text_encoder has \d+ words, its tokenizer \d+"):
        load_bundle(folder)


def test_a_tokenizer_that_the_library_cannot_read_is_named(folder):
    (folder / "tokenizer/tokenizer.json").write_text("{}")
    rehash(folder)
    with pytest.raises(ValueError, match=r"tokenizer\.json is not a tokenizer"):
        load_bundle(folder)


def test_values_of_the_wrong_type_are_named(folder):
    file = folder / "model_index.json"
    for change in ({"fps": "x"}, {"fps": [1]}, {"sizes": 3}, {"sizes": [1]}, {"fps": 0}, {"sizes": []}):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"fps": 8.0, "sizes": ["32x32x5"]} | change))
        rehash(folder)
        with pytest.raises(ValueError, match=next(iter(change))):
            load_bundle(folder)


def test_sealing_takes_the_files_as_they_are(folder):
    assert seal_bundle(folder)[1] == []
    (folder / "README.md").write_text("a card")
    before = load_bundle(folder).provenance.digest
    sealed, changed = seal_bundle(folder)
    assert changed == ["README.md"] and sealed.digest != before
    assert load_bundle(folder).provenance == sealed
    (folder / "README.md").write_text("another card")
    with pytest.raises(ValueError, match=r"README\.md is not the file that provenance\.json names"):
        load_bundle(folder)


def test_a_saved_bundle_has_nothing_that_its_digest_does_not_cover(tmp_path):
    sealed = save_bundle(tmp_path / "m", make_parts(), make_provenance())
    there = {path.relative_to(tmp_path / "m").as_posix() for path in (tmp_path / "m").rglob("*") if path.is_file()}
    assert there == {*sealed.files, "provenance.json"}
