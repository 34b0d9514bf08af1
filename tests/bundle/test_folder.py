"""Bundles: what goes in comes out, other libraries read it, damage is named, a killed save harms nothing."""

import json
import os
import re
import shutil
import time
import zipfile
from pathlib import Path

import pytest
import torch
from bundle.miniature import CAPTIONS, RECIPE, SAMPLING, make_parts, make_provenance

import langit
from langit.bundle import TrainingRecord, load_bundle, resolve, save_bundle
from langit.bundle.files import check_whole, hashes
from langit.bundle.folder import read_provenance
from langit.bundle.weights import named_weights
from langit.shapes import PixelShape


def weights(parts):
    modules = {"transformer": parts.transformer, "autoencoder": parts.autoencoder, "text": parts.text}
    return {f"{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}


def assert_same(ours, theirs):
    ours, theirs = weights(ours), weights(theirs)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert theirs[name].dtype == torch.float32 and torch.equal(ours[name], theirs[name]), name


def test_what_is_saved_is_opened(folder, parts):
    opened = load_bundle(folder)
    assert_same(parts, opened)
    assert opened.transformer.config == parts.transformer.config
    assert opened.autoencoder.config == parts.autoencoder.config and opened.text.config == parts.text.config
    assert opened.sampling == SAMPLING and opened.sizes == parts.sizes and opened.fps == 8.0
    assert opened.path == folder and opened.provenance.model == "tiny" and opened.provenance.recipe == RECIPE
    assert not opened.transformer.training and not opened.text.training
    assert opened.tokenizer.encode(CAPTIONS[0]).ids == parts.text.tokenizer.encode(CAPTIONS[0]).ids


def test_opened_parts_compute_what_the_saved_ones_did(folder, parts):
    opened = load_bundle(folder)
    video = torch.randn(1, 3, 5, 32, 32)
    latents = parts.autoencoder.encode(video)
    assert torch.equal(opened.autoencoder.encode(video), latents)
    assert torch.equal(opened.autoencoder.decode(latents), parts.autoencoder.decode(latents))
    for ours, theirs in zip(parts.text.eval().encode(CAPTIONS), opened.text.encode(CAPTIONS), strict=True):
        assert torch.equal(torch.as_tensor(ours), torch.as_tensor(theirs))
    timestep, text = torch.tensor([300.0]), torch.randn(1, 7, 32)
    ours = parts.transformer.forward_grid(latents, timestep, text)
    assert torch.equal(opened.transformer.forward_grid(latents, timestep, text), ours)


def test_a_shared_weight_is_stored_once_and_stays_shared(folder, parts):
    shared = [names for names in named_weights(parts.text.model).values() if len(names) > 1]
    assert shared, "UMT5 shares its embedding"
    opened = load_bundle(folder).text.model
    parameters = dict(opened.named_parameters(remove_duplicate=False))
    for names in shared:
        assert len({id(parameters[name]) for name in names}) == 1
    for parameter in opened.parameters():
        assert parameter.requires_grad


def test_diffusers_and_transformers_open_their_folders(folder, parts):
    from diffusers import FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
    from transformers import AutoTokenizer, UMT5EncoderModel

    theirs = WanTransformer3DModel.from_pretrained(folder / "transformer", torch_dtype=torch.float32)
    latents, timestep, text = torch.randn(1, 16, 2, 4, 4), torch.tensor([500.0]), torch.randn(1, 5, 32)
    with torch.no_grad():
        expected = theirs(latents, timestep, text, return_dict=False)[0]
        torch.testing.assert_close(parts.transformer.forward_grid(latents, timestep, text), expected, atol=1e-4, rtol=0)
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler")
    assert scheduler.config.shift == 3.0 and scheduler.config.num_train_timesteps == 1000
    encoder = UMT5EncoderModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval()
    ids, lengths = parts.text.tokenize(CAPTIONS[:1])
    with torch.no_grad():
        torch.testing.assert_close(encoder(input_ids=ids).last_hidden_state[0], parts.text.eval()(ids, lengths))
    assert AutoTokenizer.from_pretrained(folder / "tokenizer")(CAPTIONS[0])["input_ids"] == ids[0].tolist()


def test_large_weights_are_cut_into_parts_of_a_bounded_size(tmp_path, parts):
    save_bundle(tmp_path / "cut", parts, make_provenance(), max_file_bytes=40_000)
    files = sorted((tmp_path / "cut").rglob("*.safetensors"))
    assert len(files) > 6 and max(file.stat().st_size for file in files) < 60_000
    index = json.loads((tmp_path / "cut/transformer/diffusion_pytorch_model.safetensors.index.json").read_text())
    assert set(index["weight_map"]) == set(parts.transformer.state_dict())
    assert_same(parts, load_bundle(tmp_path / "cut"))


def test_every_file_but_the_provenance_is_hashed(folder):
    provenance = read_provenance(folder)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(provenance.files) == there - {"provenance.json"}
    assert json.loads((folder / "provenance.json").read_text())["recipe_hash"] == provenance.recipe_hash
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".tiny")]


def test_the_same_parts_make_the_same_bundle(tmp_path, parts):
    first = save_bundle(tmp_path / "a", parts, make_provenance())
    second = save_bundle(tmp_path / "b", make_parts(), make_provenance())
    assert first == second and first.digest == second.digest


def test_a_provenance_keeps_its_digest_on_disk(tmp_path, parts):
    provenance = make_provenance(training={"transformer": TrainingRecord(7200, 10**15, "2 cores")})
    sealed = save_bundle(tmp_path / "m", parts, provenance)
    assert load_bundle(tmp_path / "m").provenance == sealed
    assert load_bundle(tmp_path / "m").provenance.digest == sealed.digest


def test_weights_that_half_precision_cannot_hold_are_refused(folder, parts):
    with torch.no_grad():
        parts.transformer.proj_out.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"weight proj_out\.weight of transformer is not finite in half precision"):
        save_bundle(folder, parts, make_provenance())
    assert_same(make_parts(), load_bundle(folder))
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".tiny")]


def test_names_and_paths(tmp_path, folder, monkeypatch):
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path / "home"))
    with pytest.raises(ValueError, match=r"no model 'giraffe': .*or give a bundle's folder"):
        resolve("giraffe")
    shutil.copytree(folder, tmp_path / "home" / "models" / "mine")
    assert resolve("mine") == tmp_path / "home" / "models" / "mine"
    assert load_bundle("mine").path == tmp_path / "home" / "models" / "mine"
    with pytest.raises(ValueError, match=r"no model 'giraffe': there are .*mine"):
        resolve("giraffe")
    assert resolve(folder) == folder and resolve(str(folder)) == folder
    packaged = Path(langit.__file__).parent / "weights" / "pocket"
    if packaged.is_dir():
        assert resolve("pocket") == packaged


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
        said = json.loads(file.read_text())
        del said["ledger"]
        file.write_text(json.dumps(said))
    elif what == "outside":
        file = folder / "provenance.json"
        said = json.loads(file.read_text())
        said["files"] = {"../secret": "ab" * 32} | said["files"]
        file.write_text(json.dumps(said))
    elif what == "unhashed":
        file = folder / "provenance.json"
        said = json.loads(file.read_text())
        del said["files"]["transformer/config.json"]
        file.write_text(json.dumps(said))


DAMAGE = {
    "missing weights": r"transformer/diffusion_pytorch_model\.safetensors is missing: get the bundle again",
    "missing config": r"vae/config\.json is missing",
    "truncated": r"has \d+ bytes, its header tells of \d+: it was cut off, get the bundle again",
    "empty": r"transformer/diffusion_pytorch_model\.safetensors is cut off after 0 bytes",
    "header alone": r"is cut off after 20 bytes",
    "swapped": r"transformer/diffusion_pytorch_model\.safetensors is vae/diffusion_pytorch_model\.safetensors under",
    "one bit": r"transformer/diffusion_pytorch_model\.safetensors is not the file that provenance\.json names",
    "edited config": r"transformer/config\.json is not the file that provenance\.json names",
    "pickle by name": r"diffusion_pytorch_model\.bin is a pickle by its name, which can run code",
    "pickle by content": r"diffusion_pytorch_model\.safetensors is a pickle, which can run code",
    "not safetensors": r"diffusion_pytorch_model\.safetensors is not a safetensors file",
    "zipped pickle": r"diffusion_pytorch_model\.safetensors is a pickle, which can run code",
    "no provenance": r"provenance\.json is missing: .* is no Langit bundle",
    "half a provenance": r"provenance\.json is not JSON .*get the bundle again",
    "another recipe": r"the recipe in provenance\.json is not the one that recipe_hash names",
    "another format": r"is of format 'langit-provenance-9', not 'langit-provenance-1'",
    "a field gone": r"provenance\.json is incomplete .*lacks ledger.*get the bundle again",
    "outside": r"names '\.\./secret', outside the bundle",
    "unhashed": r"has no hash of transformer/config\.json: get the bundle again",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_one_line_that_names_the_file_and_the_mend(folder, what):
    damage(folder, what)
    with pytest.raises(ValueError, match=DAMAGE[what]) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("old", "new"), [('"num_layers": 2', '"num_layers": 3'), ('"ffn_dim": 48', '"ffn_dim": 50')])
def test_weights_of_another_model_are_named_even_when_the_hashes_agree(folder, old, new):
    config, file = folder / "transformer/config.json", folder / "provenance.json"
    config.write_text(config.read_text().replace(old, new))
    said = json.loads(file.read_text())
    file.unlink()
    file.write_text(json.dumps(said | {"files": hashes(folder)}))
    with pytest.raises(ValueError, match=r"lacks weight 'blocks\.2|config asks for"):
        load_bundle(folder)


def test_opening_is_quick(folder):
    load_bundle(folder)
    began = time.process_time()
    load_bundle(folder)
    assert time.process_time() - began < 1


MOMENTS = ["before the old one moves", "between the two renames", "after the new one is there"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_save_that_dies_at_the_worst_moment(folder, moment, monkeypatch):
    rename, count = Path.rename, MOMENTS.index(moment)
    real_rmtree = shutil.rmtree

    class Died(BaseException):
        pass

    def dying_rename(self, target):
        nonlocal count
        if count == 0:
            raise Died
        count -= 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", dying_rename)
    monkeypatch.setattr("langit.files.shutil.rmtree", lambda *_, **__: None)  # the dead clear nothing up
    monkeypatch.setattr("langit.files.recover", lambda _: None)
    if moment == "after the new one is there":
        save_bundle(folder, make_parts(1), make_provenance())
    else:
        with pytest.raises(Died):
            save_bundle(folder, make_parts(1), make_provenance())
    monkeypatch.undo()
    assert shutil.rmtree is real_rmtree
    expected = make_parts(1) if moment == "after the new one is there" else make_parts()
    assert_same(expected, load_bundle(folder))
    save_bundle(folder, make_parts(2), make_provenance())
    assert_same(make_parts(2), load_bundle(folder))
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".tiny")]


def test_sizes_survive(folder):
    assert load_bundle(folder).sizes == (PixelShape(5, 32, 32), PixelShape(5, 32, 48))


@pytest.mark.parametrize("low", [2, 3, 4, 5])
def test_a_header_whose_length_looks_like_a_pickle_is_no_pickle(tmp_path, low):
    """Header lengths 640, 896, 1152 and 1408 begin with the bytes that pickles begin with."""
    path = tmp_path / "x.safetensors"
    length = 0x80 + (low << 8)
    path.write_bytes(length.to_bytes(8, "little") + b"{}".ljust(length))
    check_whole(path)
    os.truncate(path, 100)
    with pytest.raises(ValueError, match="cut off after 100 bytes"):
        check_whole(path)


STRANGE = ["vae/other.safetensors", "transformer/diffusion_pytorch_model.safetensors.index.json", "a/b/new.JSON"]


@pytest.mark.parametrize("name", STRANGE)
def test_what_the_provenance_does_not_name_is_not_opened(folder, name):
    (folder / "README.md").write_text("kept")
    load_bundle(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text('{"weight_map": {}}')
    with pytest.raises(ValueError, match=rf"{re.escape(name)} is not named by provenance\.json: remove it"):
        load_bundle(folder)


def rehash(folder):
    file = folder / "provenance.json"
    said = json.loads(file.read_text())
    file.unlink()
    file.write_text(json.dumps(said | {"files": hashes(folder)}))


def test_weights_have_to_be_among_the_named_files(folder, tmp_path):
    """A link to a folder hides from a search for files, not from what opens weights."""
    said = json.loads((folder / "provenance.json").read_text())
    (folder / "transformer").rename(tmp_path / "elsewhere")
    (folder / "transformer").symlink_to(tmp_path / "elsewhere")
    del said["files"]["transformer/diffusion_pytorch_model.safetensors"]
    (folder / "provenance.json").write_text(json.dumps(said))
    with pytest.raises(ValueError, match=r"diffusion_pytorch_model\.safetensors .*no hash of it|is not named by"):
        load_bundle(folder)


@pytest.mark.parametrize("text", ["{}", "[]", '{"weight_map": 3}', '{"weight_map": {"w": "../vae/x.safetensors"}}'])
def test_an_index_that_is_none_is_one_line(folder, text):
    (folder / "vae/diffusion_pytorch_model.safetensors.index.json").write_text(text)
    rehash(folder)
    with pytest.raises(ValueError, match=r"vae.*(is no index of weights: get the bundle|no hash of it: get it) again"):
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
