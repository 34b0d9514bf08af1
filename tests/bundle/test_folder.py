"""Bundles: what goes in comes out, other libraries read it, damage is named, a killed save harms nothing."""

import json
import shutil
import time
from pathlib import Path

import pytest
import torch
from bundle.miniature import CAPTIONS, RECIPE, SAMPLING, make_parts, make_provenance

import langit
from langit.bundle import TrainingRecord, load_bundle, resolve, save_bundle
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
