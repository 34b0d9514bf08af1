"""Opening open weights: LoRA, offloading, narrow weights and remembered prompts, on tiny checkpoints of diffusers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from families import tiny
from safetensors.torch import save_file

from langit import Studio, config
from langit.bundle.mapped import mapped_files
from langit.device import CPU, Placement
from langit.families.load import open_checkpoint
from langit.plan.fit import check_fits, default_work
from langit.plan.generation import VideoWork, plan_generation
from langit.plan.hardware import HARDWARE
from langit.plan.model import find_model, planned_pixels
from langit.shapes import PixelShape
from langit.studio.opening import (
    LoraFile,
    check_memory,
    check_weights,
    describe_loras,
    remember_embeddings,
    settle_weights,
)
from langit.studio.text_requests import GenerateRequest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tiny") / "t2v"
    tiny.save("wan2.1-t2v", made)
    return made


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tiny") / "a14b"
    tiny.save("wan2.2-t2v-a14b", made)
    return made


def _velocity(bundle, text="a red ball"):
    from langit.patches import TextPack, pack

    with torch.no_grad():
        tokens, lengths = bundle.text.encode([text])
        torch.manual_seed(3)
        latents = torch.randn(bundle.transformer.channels[0], 2, 4, 4)
        return bundle.transformer(pack([latents], [0.5]), TextPack(tokens.float(), lengths))


def _lora(bundle, path: Path, size: float = 0.5) -> Path:
    torch.manual_seed(4)
    weight = bundle.transformer.blocks[0].attn1.to_q.weight
    down, up = torch.randn(2, weight.shape[1]) * size, torch.randn(weight.shape[0], 2) * size
    save_file(
        {
            "diffusion_model.blocks.0.self_attn.q.lora_down.weight": down,
            "diffusion_model.blocks.0.self_attn.q.lora_up.weight": up,
        },
        path,
    )
    return path


@pytest.mark.parametrize("mode", ["parts", "blocks"])
def test_offloaded_open_weights_give_the_same_numbers(folder, mode):
    plain = open_checkpoint(folder, CPU)
    placement = Placement(offload=mode)
    away = open_checkpoint(folder, placement)
    assert mapped_files(away.transformer) and mapped_files(away.text)
    held = settle_weights(away, placement, "", ())
    assert torch.equal(_velocity(away), _velocity(plain))
    latents = torch.randn(1, away.autoencoder.compression.channels, 2, 4, 4)
    with torch.no_grad():
        assert torch.equal(away.autoencoder.decode(latents), plain.autoencoder.decode(latents))
    assert held is not None and held.here is not None


@pytest.mark.parametrize("mode", ["none", "blocks"])
def test_loras_count_by_their_weights_whether_offloaded_or_not(folder, tmp_path, mode):
    plain = open_checkpoint(folder, CPU)
    path = _lora(plain, tmp_path / "a.safetensors")
    once, half = (open_checkpoint(folder, Placement(offload=mode)) for _ in range(2))
    settle_weights(once, Placement(offload=mode), "", [LoraFile(path)])
    settle_weights(half, Placement(offload=mode), "", [LoraFile(path, 0.5), LoraFile(path, 0.5)])
    assert torch.allclose(_velocity(once), _velocity(half), atol=1e-5)
    assert (_velocity(once) - _velocity(plain)).abs().max() > 1e-3


def test_each_of_two_experts_takes_its_own_file(two, tmp_path):
    bundle, plain = open_checkpoint(two, CPU), open_checkpoint(two, CPU)
    path = _lora(bundle, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="two experts: say which"):
        settle_weights(bundle, CPU, "", [LoraFile(path)])
    settle_weights(bundle, CPU, "", [LoraFile(path, expert="low")])
    name = "blocks.0.attn1.to_q.weight"
    same = torch.equal(bundle.transformer.get_parameter(name), plain.transformer.get_parameter(name))
    assert same and bundle.low is not None and plain.low is not None
    assert not torch.equal(bundle.low.get_parameter(name), plain.low.get_parameter(name))
    single = open_checkpoint(two, CPU)
    object.__setattr__(single, "low", None)
    with pytest.raises(ValueError, match="one expert, leave low= out"):
        settle_weights(single, CPU, "", [LoraFile(path, expert="low")])


@pytest.mark.parametrize("storage", ["fp8", "int8"])
def test_narrow_weights(folder, storage):
    bundle, plain = open_checkpoint(folder, CPU), open_checkpoint(folder, CPU)
    assert settle_weights(bundle, CPU, storage, ()) is None
    exact = _velocity(plain)
    error = (_velocity(bundle) - exact).norm() / exact.norm()
    assert 0 < error < 0.1


def test_loras_by_name(tmp_path):
    path = tmp_path / "some:thing.safetensors"
    path.write_bytes(b"")
    assert LoraFile.parse(str(path)) == LoraFile(path)
    assert LoraFile.parse(f"high={path}:-0.25") == LoraFile(path, -0.25, "high")
    (said,) = describe_loras([LoraFile(path, 0.5)])["loras"]
    assert said["weight"] == 0.5 and path.stem not in str(said), "what is signed does not name the file"
    assert describe_loras([]) == {}
    with pytest.raises(ValueError, match="there is no file"):
        LoraFile.parse("absent.safetensors")
    with pytest.raises(ValueError, match="--lora is empty"):
        LoraFile.parse("")
    with pytest.raises(ValueError, match="'strong' is not a weight"):
        LoraFile.parse(f"{path}:strong")


@pytest.mark.parametrize(
    ("shape", "said"),
    [((64, 64, 2, 2), "made for a model of another size"), ((48, 48, 4, 2), "ranks 4 and 2, which have to be equal")],
)
def test_loras_that_do_not_fit_are_named_before_weights_are_loaded(folder, two, tmp_path, monkeypatch, shape, said):
    outputs, inputs, up, down = shape
    path, layer = tmp_path / "a.safetensors", "transformer.blocks.0.attn1.to_q"
    halves = {f"{layer}.lora_A.weight": torch.ones(down, inputs), f"{layer}.lora_B.weight": torch.ones(outputs, up)}
    save_file(halves, path)
    monkeypatch.setattr("langit.families.load.load_weights", lambda *_, **__: pytest.fail("weights were loaded"))
    with pytest.raises(ValueError, match=said):
        Studio(folder, loras=[str(path)])
    with pytest.raises(ValueError, match="two experts: say which"):
        Studio(two, loras=[str(path)])
    with pytest.raises(ValueError, match=said):
        Studio(two, loras=[f"low={path}"])


def test_weights_and_offloading_exclude_each_other():
    for offload in ("blocks", "parts"):
        with pytest.raises(ValueError, match=f"fp8 keeps weights on the device, --offload {offload} does not"):
            check_weights("fp8", Placement(offload=offload))
    with pytest.raises(ValueError, match="weights 'int4' are unknown: use fp8 or int8"):
        check_weights("int4", CPU)


def test_prompts_are_encoded_once_for_each_model_and_dtype(folder):
    bundle = open_checkpoint(folder, CPU)
    called = []
    forward = bundle.text.forward
    bundle.text.forward = lambda *args: called.append(1) or forward(*args)
    before = bundle.text.encode(["a red ball", ""])
    remember_embeddings(bundle.text, "sha256:one", CPU)
    called.clear()
    for _ in range(2):
        tokens, lengths = bundle.text.encode(["a red ball", ""])
        assert lengths == before[1] and torch.allclose(tokens, before[0], atol=1e-5)
    assert len(called) == 2  # one text at a time, the first time
    files = list((config.home() / "embeddings").iterdir())
    assert len(files) == 2
    files[0].write_bytes(b"damaged")
    bundle.text.encode(["a red ball", ""])
    assert len(called) == 3
    remember_embeddings(bundle.text, "sha256:two", CPU)
    bundle.text.encode(["a red ball"])
    assert len(list((config.home() / "embeddings").iterdir())) == 3


def test_remembered_prompts_need_no_text_encoder(folder):
    placement = Placement(offload="parts")
    for round_ in range(2):
        bundle = open_checkpoint(folder, placement)
        held = settle_weights(bundle, placement, "", ())
        remember_embeddings(bundle.text, "sha256:one", placement)
        bundle.text.encode(["a red ball"])
        assert held is not None
        assert (held.here is None) == (round_ == 1)


@pytest.mark.slow
def test_what_does_not_fit_is_refused_with_what_would(folder, monkeypatch):
    monkeypatch.setattr("langit.plan.fit.base_memory", lambda *_: 0)
    model = find_model(folder)
    work = VideoWork(PixelShape(5, 16, 16), 40, True, CPU)
    parts = replace(work, placement=Placement(offload="parts"))
    most, enough = (plan_generation(model.sizes, each, HARDWARE["h100"]).memory for each in (work, parts))
    assert enough / 0.96 < most
    with pytest.raises(ValueError, match=r"t2v at 16x16x5 needs 0\.0 GiB and RAM has 0\.0 GiB: use --offload parts or"):
        check_fits(model, work, int(enough / 0.96))
    away = Placement(dtype=torch.bfloat16, offload="blocks")
    least = replace(work, pixels=PixelShape(17, 128, 128), placement=away, storage="fp8")
    most = plan_generation(model.sizes, least, HARDWARE["h100"]).memory
    with pytest.raises(ValueError, match=r"use --size \d+x\d+ --frames \d+"):
        check_fits(model, least, int(most * 0.95))
    with pytest.raises(ValueError, match="use a smaller model"):
        check_fits(model, work, 1000)
    assert check_fits(model, replace(default_work(model, CPU), pixels=PixelShape(5, 32, 32))).memory > 0


def test_a_request_is_checked_before_anything_is_loaded(folder, monkeypatch):
    monkeypatch.setattr("langit.plan.fit.free_memory", lambda _: 0)
    monkeypatch.setattr("langit.plan.fit.base_memory", lambda *_: 0)
    request = GenerateRequest(prompt="a red ball", size="64x64", frames=5)
    with pytest.raises(ValueError, match="at 64x64x5 needs"):
        check_memory(folder, CPU, "", [request])
    check_memory("pocket", CPU, "", [request])  # small enough not to ask
    for frames, said in (
        (10, "10 frames are not one more than a multiple of 4 for t2v: use 9 or 13"),
        (2, "use 1 or 5"),
        (85, "85 frames are more than t2v samples at once: use at most 81"),
    ):
        with pytest.raises(ValueError, match=said):
            check_memory(folder, CPU, "", [GenerateRequest(prompt="a red ball", size="64x64", frames=frames)])
    for named, frames, said in (("64x64x10", None, "use 9 or 13"), ("64x64x9", 5, "has 9 frames, not 5")):
        with pytest.raises(ValueError, match=said):
            check_memory(folder, CPU, "", [GenerateRequest(prompt="a red ball", size=named, frames=frames)])
    with pytest.raises(ValueError, match="1920x1088 is larger than wan2.1-t2v-1.3b was made for: use 832x480"):
        check_memory(folder, CPU, "", [GenerateRequest(prompt="a red ball", size="1920x1088", frames=5)])
    with pytest.raises(ValueError, match="width 60 is not a multiple of 16 for t2v: use 48 or 64"):
        check_memory(folder, CPU, "", [GenerateRequest(prompt="a red ball", size="60x64", frames=5)])


def test_sizes_that_are_planned():
    model = find_model("Wan-AI/Wan2.1-T2V-1.3B-Diffusers")
    assert planned_pixels(model, None, None, None) == PixelShape(81, 480, 832)
    assert planned_pixels(model, "480x832", None, 5.0) == PixelShape(81, 832, 480)
    assert planned_pixels(model, "480x832x33", None, None) == PixelShape(33, 832, 480)
    with pytest.raises(ValueError, match="exclude each other"):
        planned_pixels(model, None, 17, 1.0)
    with pytest.raises(ValueError, match="--seconds -1"):
        planned_pixels(model, None, None, -1)


def test_unknown_models_are_named():
    with pytest.raises(ValueError, match="is no repository that is known"):
        find_model("nobody/nothing")
