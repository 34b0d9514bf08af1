"""A LoRA and all weights of a tiny checkpoint of diffusers', tuned on footage with a record."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.loaders import WanLoraLoaderMixin
from families import tiny
from recipes.footage import add_footage
from safetensors import safe_open

from langit.autoencoder.model import to_float
from langit.bundle.provenance import Provenance
from langit.device import CPU
from langit.families.clips import given_by_chance
from langit.families.load import open_checkpoint
from langit.files import sha256
from langit.generate import Model
from langit.inquiry.lookup import lineage_over
from langit.inquiry.usage import find_usage
from langit.ledger.answers import describe_output, describe_source
from langit.ledger.audit import write as write_audit
from langit.ledger.derived import Output, tuned_parts
from langit.ledger.statements import corpus
from langit.ledger.store import Ledger
from langit.recipes.tuning import TuningConfig, clip_encoder, tune
from langit.release.facts import Facts
from langit.release.outputs import Outputs
from langit.release.training import describe_training
from langit.studio.opening import LoraFile, settle_weights
from langit.studio.studio import describe_base
from langit.train.optim import OptimConfig
from langit.train.trainer import TrainConfig

TRAINING = TrainConfig(
    steps=3, checkpoint_every=2, recompute=True, optim=OptimConfig(other_rate=1e-3, warmup=1, decay=1, ema=0.5)
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    base = tmp_path_factory.mktemp("tuning")
    tiny.save("wan2.1-t2v", base / "model")
    (base / "home").mkdir()
    return base / "model", base / "home", add_footage(base / "home")


def _config(model: Path, name: str, **changes: object) -> TuningConfig:
    start = TuningConfig(str(model), "mine", name, "32x32x5", rank=2, tokens=64, training=TRAINING)
    return replace(start, **changes)


def _report(*_: object) -> None:
    pass


def test_a_lora_from_footage(place, monkeypatch):
    model, home, _ = place
    monkeypatch.setenv("LANGIT_HOME", str(home))
    path = tune(_config(model, "one"), home, _report)
    with safe_open(path, "pt") as file:
        record = json.loads(file.metadata()["langit"])
    plain = open_checkpoint(model, CPU)
    assert record["base"]["digest"] == plain.provenance.digest
    assert record["base"]["training_data"].startswith("not disclosed by")
    runs = [each for each in Ledger(home / "ledger").exposures() if each.run == "tune-one"]
    assert [each.root for each in runs] == [record["exposure"]["root"]] and record["exposure"]["steps"] == 3

    changed = open_checkpoint(model, CPU)
    settle_weights(changed, CPU, "", [LoraFile(path)])
    name = "blocks.0.attn1.to_q.weight"
    moved = changed.transformer.get_parameter(name) - plain.transformer.get_parameter(name)
    assert 0 < moved.abs().max() < 0.1

    pipe = tiny.pipeline("wan2.1-t2v")  # the same file in diffusers
    assert isinstance(pipe, WanLoraLoaderMixin)
    pipe.load_lora_weights(str(path.parent), weight_name=path.name)
    pipe.fuse_lora()
    theirs = dict(pipe.transformer.named_parameters())["blocks.0.attn1.to_q.base_layer.weight"]
    assert torch.allclose(theirs, changed.transformer.get_parameter(name), atol=1e-6)

    with pytest.raises(ValueError, match="resume it"):
        tune(_config(model, "one"), home, _report)
    again = tune(replace(_config(model, "one")), home, _report, resume=True)
    assert again.read_bytes() == path.read_bytes()


def test_all_weights_from_footage(place, monkeypatch):
    model, home, _ = place
    monkeypatch.setenv("LANGIT_HOME", str(home))
    folder = tune(_config(model, "whole", rank=0), home, _report)
    tuned, plain = open_checkpoint(folder, CPU), open_checkpoint(model, CPU)
    name = "blocks.0.ffn.net.2.weight"
    assert not torch.equal(tuned.transformer.get_parameter(name), plain.transformer.get_parameter(name))
    assert tuned.family == plain.family
    assert json.loads((folder / "training.json").read_text())["settings"]["rank"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"manifest": "absent"}, "no manifest 'absent'"),
        ({"size": "30x32x5"}, "width 30 is not a multiple of 16"),
        ({"size": "32x32x6"}, "6 frames cannot be compressed"),
        ({"expert": "low"}, "one expert: leave --expert out"),
        ({"rank": 4096}, "adapter rank 4096"),
    ],
)
def test_what_cannot_be_tuned(place, monkeypatch, changes, message):
    model, home, _ = place
    monkeypatch.setenv("LANGIT_HOME", str(home))
    with pytest.raises(ValueError, match=message):
        tune(_config(model, "wrong", **changes), home, _report)


@pytest.mark.parametrize("changes", [{"name": "../x"}, {"rank": -1}, {"expert": "middle"}, {"drop_caption": 1.0}])
def test_wrong_settings(changes):
    with pytest.raises(ValueError, match="|".join(changes)):
        replace(TuningConfig("model", "mine", "name"), **changes)


@pytest.mark.parametrize("kind", ["wan2.1-i2v", "wan2.1-flf2v", "wan2.1-vace", "wan2.2-i2v-a14b"])
def test_families_that_see_given_frames_are_tuned_on_those_of_the_clips(tmp_path, place, monkeypatch, kind):
    _, home, _ = place
    monkeypatch.setenv("LANGIT_HOME", str(home))
    tiny.save(kind, tmp_path / kind)
    expert = "high" if kind.endswith("a14b") else ""
    path = tune(_config(tmp_path / kind, f"lora-{kind}", expert=expert), home, _report)
    plain, changed = open_checkpoint(tmp_path / kind, CPU), open_checkpoint(tmp_path / kind, CPU)
    settle_weights(changed, CPU, "", [LoraFile(path, 1.0, expert)])
    # The input layer learns from the condition's channels as well, whose weights nothing else moves.
    name = "vace_patch_embedding.weight" if kind == "wan2.1-vace" else "patch_embedding.weight"
    moved = (changed.transformer.get_parameter(name) - plain.transformer.get_parameter(name)).abs().amax((0, 2, 3, 4))
    assert (moved[0 if kind == "wan2.1-vace" else 16 :] > 0).any()
    if plain.pictures is not None:
        name = "blocks.0.attn2.add_k_proj.weight"
        assert not torch.equal(changed.transformer.get_parameter(name), plain.transformer.get_parameter(name))


@pytest.mark.parametrize("kind", ["wan2.1-i2v", "wan2.1-flf2v", "wan2.1-vace"])
def test_a_clips_condition_is_what_generating_gives(tmp_path, kind):
    tiny.save(kind, tmp_path / kind)
    bundle = open_checkpoint(tmp_path / kind, CPU)
    encoder = clip_encoder(bundle)
    frames = torch.randint(0, 256, (9, 32, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        own, beside, states = encoder.channels.split(encoder.encode(to_float(frames[None]))[0])
        assert torch.allclose(own, bundle.autoencoder.encode(to_float(frames[None]))[0], atol=1e-5)
    given = torch.zeros(9, 32, 64, dtype=torch.bool)
    if kind == "wan2.1-vace":
        given = given_by_chance(frames)
    else:
        given[[0, -1] if kind == "wan2.1-flf2v" else [0]] = True
    wanted = Model.of(bundle).condition(frames, given)
    expected = wanted.control if kind == "wan2.1-vace" else wanted.channels
    assert torch.allclose(beside, expected, atol=1e-5)
    assert (states is None) == (wanted.image is None)
    if states is not None:
        assert torch.allclose(states, wanted.image[0], atol=1e-6)


def test_vace_is_given_something_else_of_each_clip():
    dice = torch.Generator().manual_seed(0)
    clips = [torch.randint(0, 256, (5, 16, 16, 3), dtype=torch.uint8, generator=dice) for _ in range(40)]
    shares = {round(float(given_by_chance(clip).float().mean()), 2) for clip in clips}
    assert shares == {0.0, 0.2, 0.4, 0.75}
    assert torch.equal(given_by_chance(clips[0]), given_by_chance(clips[0].clone()))


def test_footage_and_videos_lead_to_what_was_tuned(place, monkeypatch):
    model, home, _ = place
    monkeypatch.setenv("LANGIT_HOME", str(home))
    lora = tune(_config(model, "found"), home, _report)
    folder = tune(_config(model, "all", rank=0), home, _report)
    ledger = Ledger(home / "ledger")
    before = ledger.size
    plain, whole = open_checkpoint(model, CPU).provenance, open_checkpoint(folder, CPU).provenance
    digests = sha256(lora), sha256(folder / "training.json")
    assert whole.recipe["base"]["tuning"] == digests[1] and "tuning" not in plain.recipe["base"]

    def released(number: int, made_by: Provenance, sampling: dict[str, object]) -> Output:
        facts = Facts("m", "a ball", number, 8.0, 1, 1.0, made_by.digest, made_by.ledger, sampling=json.dumps(sampling))
        return Outputs.of(home).enter(f"{number:064x}", replace(facts, base=describe_base(made_by)))

    named = {"loras": [{"sha256": digests[0], "weight": 0.5}, {"sha256": "no hash"}]}
    videos = [released(1, plain, named), released(2, whole, {}), released(3, plain, {})]
    assert [video.tuned for video in videos] == [(digests[0],), (digests[1],), ()]
    assert b"tuned" not in videos[2].canonical, "entries of other videos are what they were"

    lineage = lineage_over(ledger, home)
    tuned = {item.digest: item for item in lineage.artifacts.models}
    assert tuned[digests[0]].name == "found" and tuned[digests[1]].name == "all"
    assert all(lineage.continues(tuned[digest]) and tuned[digest].ledger_size < before for digest in digests)
    seen = {item.model.digest for item in lineage.sightings(lineage.clips)}
    assert seen.issuperset(digests)
    source = next(iter(lineage.sources_of(tuned[digests[0]]).values()))
    answer = describe_source(lineage, source, every=True)
    assert any("found (" in line for line in answer["models"]) and any("all (" in line for line in answer["models"])
    assert answer["videos made by these models"] == [videos[0].content_sha256, videos[1].content_sha256]
    assert describe_output(lineage, videos[0], True)["tuned by"][0]["provenance"] == digests[0]

    assert "do not disclose" in corpus(lineage, "2026-11-28", "found").bases[-1]
    with pytest.raises(ValueError, match="found was tuned from open weights and has no provenance"):
        write_audit(lineage, ledger, tuned[digests[0]], None, home / "never")

    used = {item["digest"]: item["used"] for item in find_usage(home, source.content_sha256)["models"]}
    assert [used[digest] for digest in digests] == ["yes", "yes"]
    other = {item["digest"]: item for item in find_usage(home, "0" * 64)["models"]}
    assert other[digests[0]]["used"] == "unknown" and "do not disclose" in other[digests[0]]["why"]

    for video, name in ((videos[0], "found"), (videos[1], "all")):
        lines = describe_training(video.model, home, ledger, video.tuned)
        assert lines[0].startswith("not disclosed by") and source.title in lines[1] and f"by {name} (" in lines[1]
    assert "does not know" in describe_training(videos[0].model, home, ledger, ["0" * 64])[-1]


def test_tuned_parts_are_hashes_whatever_a_file_says():
    good = "a" * 64
    assert tuned_parts({"loras": [{"sha256": good}, {"sha256": 7}, "x", {"sha256": good}]}, {"tuning": None}) == (good,)
    assert tuned_parts({"loras": "x"}, {"tuning": "b" * 64}) == ("b" * 64,)
