"""Weights that come and go: the same numbers to the bit, what is in memory when, and failures in between."""

import copy
import mmap
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from langit.bundle.mapped import MappedFile, mapped_files, remember_mapped
from langit.bundle.tensors import open_tensors
from langit.device import CPU, Placement, placement_of
from langit.offload import offload
from langit.offload.parts import repeated_layers
from langit.patches import TextPack, pack
from langit.transformer import SIZES, VideoTransformer

SMALL = replace(SIZES["pocket"], num_layers=3)


def _transformer() -> VideoTransformer:
    torch.manual_seed(0)
    made = VideoTransformer(SMALL).eval()
    nn.init.normal_(made.proj_out.weight, std=0.02)
    return made


def _map(module: nn.Module, path: Path) -> None:
    """Replace weights by the same ones in a file."""
    save_file(module.state_dict(), path)
    with open_tensors(path) as file:
        mapped = MappedFile.open(file)
        for name in file.entries:
            owner, _, leaf = name.rpartition(".")
            tensor = mapped.tensor(file, name, torch.float32)
            assert tensor is not None
            module.get_submodule(owner)._parameters[leaf] = nn.Parameter(tensor)
    remember_mapped(module, mapped, ("scale_shift_table",))


def _run(model: VideoTransformer) -> torch.Tensor:
    torch.manual_seed(1)
    with torch.no_grad():
        return model(pack([torch.randn(16, 3, 8, 8)], [0.7]), TextPack(torch.randn(9, SMALL.text_dim), (9,)))


@pytest.mark.parametrize("mode", ["parts", "blocks"])
@pytest.mark.parametrize("mapped", [False, True])
def test_results_are_the_same_to_the_bit(mode, mapped, tmp_path):
    model = _transformer()
    expected = _run(model)
    if mapped:
        _map(model, tmp_path / "w.safetensors")
    offload({"transformer": model}, CPU, mode)
    for _ in range(2):
        assert torch.equal(_run(model), expected)


def test_two_layers_at_most_are_there_at_once():
    """On a device of another dtype copies come and go: count them while each layer runs."""
    model = _transformer()
    offload({"transformer": model}, Placement(dtype=torch.bfloat16), "blocks")
    seen = []

    def count(*_: object) -> None:
        seen.append([block.attn1.to_q.weight.dtype == torch.bfloat16 for block in model.blocks])

    for block in model.blocks:
        block.attn1.register_forward_hook(count)
    _run(model)
    assert seen == [[True, False, False], [False, True, False], [False, False, True]]
    assert all(p.dtype == torch.float32 for p in model.blocks.parameters())


def test_parts_make_room_for_each_other():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    held = offload({"first": first, "second": second}, Placement(dtype=torch.bfloat16), "parts")
    x = torch.randn(2, 4, dtype=torch.bfloat16)
    first(x)
    assert (first.weight.dtype, second.weight.dtype) == (torch.bfloat16, torch.float32)
    second(x)
    assert (first.weight.dtype, second.weight.dtype) == (torch.float32, torch.bfloat16)
    held.enter(None)
    assert second.weight.dtype == torch.float32


def test_weights_in_single_precision_stay_so(tmp_path):
    model = _transformer()
    _map(model, tmp_path / "w.safetensors")
    offload({"transformer": model}, Placement(dtype=torch.bfloat16), "blocks")
    dtypes = []
    model.blocks[1].attn1.register_forward_hook(
        lambda *_: dtypes.extend([model.blocks[1].scale_shift_table.dtype, model.blocks[1].ffn.net["2"].weight.dtype])
    )
    _run(model)
    assert dtypes == [torch.float32, torch.bfloat16]


def test_where_it_computes_is_known_while_it_is_away():
    model = _transformer()
    placement = Placement(dtype=torch.bfloat16)
    offload({"transformer": model}, placement, "blocks")
    assert placement_of(model) == placement


def test_a_change_is_applied_each_time(tmp_path):
    model, plain = _transformer(), _transformer()
    _map(model, tmp_path / "w.safetensors")
    name = "blocks.1.ffn.net.2.weight"
    offload({"transformer": model}, CPU, "blocks", {"transformer": {name: lambda weight: weight + 0.01}})
    with torch.no_grad():
        dict(plain.named_parameters())[name].add_(0.01)
    for _ in range(2):
        assert torch.equal(_run(model), _run(plain))


def test_a_failure_leaves_nothing_behind():
    model = _transformer()
    offload({"transformer": model}, Placement(dtype=torch.bfloat16), "blocks")
    broken = model.blocks[1].attn2
    forward, broken.forward = broken.forward, lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        _run(model)
    assert model.blocks[1].attn1.to_q.weight.dtype == torch.float32
    broken.forward = forward
    assert _run(model).isfinite().all()


def test_layers_that_repeat():
    assert len(repeated_layers(_transformer())) == 3
    assert repeated_layers(nn.Linear(2, 2)) == ()


def test_shared_weights_stay_shared():
    module = nn.Module()
    module.first, module.second = nn.Linear(3, 3), nn.Linear(3, 3)
    module.second.weight = module.first.weight
    module.forward = lambda x: module.second(module.first(x))  # type: ignore[method-assign]
    alone = copy.deepcopy(module)
    offload({"it": module}, Placement(dtype=torch.bfloat16), "parts")
    module(torch.randn(1, 3, dtype=torch.bfloat16))
    assert module.second.weight is module.first.weight
    assert alone.second.weight is alone.first.weight


def test_an_unknown_mode():
    with pytest.raises(ValueError, match="offload 'layers' is unknown: use none, parts, blocks"):
        offload({}, CPU, "layers")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="offload 'layers' is unknown: use none, parts, blocks"):
        Placement.choose("cpu", "fp32", "layers")


def test_mapped_tensors_are_the_files(tmp_path):
    values = torch.arange(5000, dtype=torch.float32)
    save_file({"a": values}, tmp_path / "w.safetensors")
    with open_tensors(tmp_path / "w.safetensors") as file:
        mapped = MappedFile.open(file)
        tensor = mapped.tensor(file, "a", torch.float32)
    assert tensor is not None and torch.equal(tensor, values) and mapped.holds(tensor) and not mapped.holds(values)
    mapped.advise(tensor, mmap.MADV_DONTNEED)
    assert torch.equal(tensor, values)
    assert mapped_files(nn.Linear(1, 1)) == ()


MEASURE = """
import sys, torch
from pathlib import Path
from torch import nn
from langit.device import CPU
from langit.offload import offload
torch.set_num_threads(1)
from langit.bundle.mapped import MappedFile, remember_mapped
from langit.bundle.tensors import open_tensors
class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.device("meta"):
            self.blocks = nn.ModuleList(nn.Linear(1024, 1024, bias=False) for _ in range(40))
        self.layers = tuple(self.blocks)
    def forward(self, x):
        for block in self.blocks: x = block(x)
        return x
def load():
  deep = Deep()
  with open_tensors(Path(sys.argv[2])) as file:
    mapped = MappedFile.open(file)
    for name in file.entries:
        deep.blocks[int(name.split(".")[1])].weight = nn.Parameter(mapped.tensor(file, name, torch.float32))
  remember_mapped(deep, mapped)
  return deep
def peak():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) * 1024
with torch.no_grad():
    nn.Linear(1024, 1024, bias=False)(torch.randn(1, 1024))
    for mode in ("blocks", "none"):
        deep, before = load(), peak()
        if mode == "blocks":
            offload({"deep": deep}, CPU, mode)
        deep(torch.randn(1, 1024))
        print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_blocks_take_less_memory_than_the_model(tmp_path):
    """168 MB of weights: all of them are in memory without offloading, two blocks of 4 MB with it."""
    save_file({f"blocks.{n}.weight": torch.randn(1024, 1024) for n in range(40)}, tmp_path / "w.safetensors")
    command = [sys.executable, "-c", MEASURE, str(Path(__file__).parent), str(tmp_path / "w.safetensors")]
    blocks, none = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert none > 140e6
    assert blocks < 30e6


def test_a_bundle_opens_with_its_weights_mapped_and_generates_the_same(tmp_path):
    from langit.bundle import load_bundle
    from langit.bundle.convert import convert_bundle

    convert_bundle("pocket", tmp_path / "half", "fp16")
    plain = load_bundle(tmp_path / "half", Placement(dtype=torch.float16))
    away = load_bundle(tmp_path / "half", Placement(dtype=torch.float16, offload="blocks"))
    files = mapped_files(away.transformer)
    assert all(any(file.holds(p) for file in files) for p in away.transformer.parameters())
    offload({"transformer": away.transformer, "text": away.text}, Placement(dtype=torch.float16), "blocks")
    with torch.no_grad():
        tokens, lengths = plain.text.encode(["a red ball"])
        assert torch.equal(away.text.encode(["a red ball"])[0], tokens)
        latents = torch.randn(plain.transformer.channels[0], 3, 8, 8)
        packed, text = pack([latents], [0.7]), TextPack(tokens, lengths)
        assert torch.equal(away.transformer(packed, text), plain.transformer(packed, text))
