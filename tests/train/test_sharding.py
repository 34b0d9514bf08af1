"""Weights cut over processes, and tokens cut over them, train what one process trains; checkpoints fit any number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from train.flow_together import train

from langit.feed.exposure import ExposureLog
from langit.patches import TextPack, pack
from langit.train import checkpoint
from langit.train.context import Context, cut_pack
from langit.train.exchange import find_owners
from langit.train.muon import orthogonalize, orthogonalize_batch
from langit.train.optim import OptimConfig, Optimisers
from langit.train.ranks import ALONE, Ranks
from langit.train.sharding import choose_sharding

TESTS = Path(__file__).parents[1]
SETTINGS = (3.4445, -4.7750, 2.0315), 5, 1e-7


def together(count: int, folder: Path, *arguments: object) -> list[dict[str, Any]]:
    """What each process found."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command += [str(TESTS / "train" / "flow_together.py"), str(folder), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(count)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return train(tmp_path_factory.mktemp("one") / "run", 4, ALONE)


def check_same(found: list[dict[str, Any]], alone: dict[str, Any], folder: Path, first: int = 0) -> None:
    assert found[0]["losses"] == pytest.approx(alone["losses"][first:], abs=1e-5)
    assert found[0]["norms"] == pytest.approx(alone["norms"][first:], rel=1e-3, abs=1e-5)
    for own in found:
        assert own["weights"] == found[0]["weights"], "gathered weights are the same everywhere"
    assert found[0]["weights"] == pytest.approx(alone["weights"], abs=2e-3)
    assert ExposureLog(folder / "exposure.log").root() == alone["root"]


@pytest.mark.parametrize(
    ("count", "sharding", "context", "more"),
    [
        (2, "full", 1, ""),
        pytest.param(2, "none", 1, "", marks=pytest.mark.slow),
        pytest.param(4, "full", 1, "", marks=pytest.mark.slow),
        pytest.param(4, "nodes", 1, "", marks=pytest.mark.slow),
        pytest.param(2, "full", 2, "", marks=pytest.mark.slow),
        pytest.param(4, "nodes", 2, "recompute", marks=pytest.mark.slow),
        pytest.param(2, "full", 1, "compile", marks=pytest.mark.slow),
    ],
)
def test_losses_are_those_of_one_process(
    tmp_path: Path, alone: dict[str, Any], count: int, sharding: str, context: int, more: str
) -> None:
    found = together(count, tmp_path / "run", 4, sharding, context, *filter(None, [more]))
    check_same(found, alone, tmp_path / "run")
    whole = len(alone["weights"])
    held = [own["held"] for own in found]
    copies = {"none": count, "full": 1, "nodes": 2}[sharding]
    assert sum(held) == copies * whole, "every row is held as often as there are copies"
    if sharding != "none":
        assert max(held) < 1.3 * copies * whole / count, "and about evenly"
    newest = checkpoint.latest(tmp_path / "run")
    assert newest is not None
    assert {file.suffix for file in newest.rglob("*") if file.is_file()} == {".json", ".safetensors"}, "no pickle"


@pytest.mark.slow
def test_an_adapter_is_distilled_by_two_processes_as_by_one(tmp_path: Path) -> None:
    one = train(tmp_path / "one", 2, ALONE, "distil")
    found = together(2, tmp_path / "two", 2, "none", 1, "distil")
    check_same(found, one, tmp_path / "two")


@pytest.mark.slow
def test_a_run_of_four_goes_on_with_two_with_one_and_with_four_again(tmp_path: Path, alone: dict[str, Any]) -> None:
    folder = tmp_path / "run"

    def go_on(step: int) -> None:
        for newer in sorted(folder.glob("step-*")):
            if int(newer.name[5:]) > step:
                newer.rename(tmp_path / f"{newer.name}-{len(list(tmp_path.iterdir()))}")
        (folder / "resume").touch()

    together(4, folder, 4, "full", 1)
    go_on(4)
    check_same(together(2, folder, 4, "full", 1), alone, folder, first=4)
    go_on(4)
    one = train(folder, 4, ALONE)
    check_same([one], alone, folder, first=4)
    go_on(6)  # finished by one process: whole tensors, taken up by four that have nothing left to do
    found = together(4, folder, 4, "full", 1)
    assert found[0]["losses"] == [] and found[0]["weights"] == pytest.approx(one["weights"], abs=1e-6)


def test_matrices_are_shared_out_evenly_and_each_once() -> None:
    shapes = [torch.Size(shape) for shape in [(8, 8)] * 5 + [(32, 8), (8, 32), (64, 64)]]
    owners = find_owners(shapes, 3)
    assert owners[7] not in owners[:7], "the costliest is one process's only one"
    assert set(owners) == {0, 1, 2}
    assert find_owners(shapes, 1) == [0] * len(shapes)


@pytest.mark.parametrize("shape", [(6, 16), (16, 6), (8, 8)])
def test_batches_of_matrices_are_orthogonalised_as_single_ones(shape: tuple[int, int]) -> None:
    matrices = torch.randn(3, *shape)
    found = orthogonalize_batch(matrices, *SETTINGS)
    for matrix, direction in zip(matrices, found, strict=True):
        single = orthogonalize(matrix, *SETTINGS)
        assert (direction.float() - single).norm() < 0.05 * single.norm(), "bf16 against single precision"


def test_parts_of_a_pack_keep_their_videos_and_texts() -> None:
    whole = pack([torch.randn(4, 2, 4, 4), torch.randn(4, 1, 4, 6), torch.randn(4, 3, 2, 4)], [0.1, 0.5, 0.9])
    text = TextPack(torch.randn(9, 5), (2, 3, 4))
    assert whole.lengths == (8, 6, 6)
    part, prompts = cut_pack(whole, text, 5, 14)
    assert part.lengths == (3, 6) and prompts.lengths == (2, 3)
    assert torch.equal(part.tokens, whole.tokens[5:14]) and torch.equal(prompts.tokens, text.tokens[:5])
    part, prompts = cut_pack(whole, text, 14, 20)
    assert part.lengths == (6,) and torch.equal(prompts.tokens, text.tokens[5:])


def test_every_token_belongs_to_one_process() -> None:
    context = Context(None, 1, 3)  # type: ignore[arg-type]  # nothing is exchanged here
    assert context.cut((8, 6, 6)) == (6, 13) and context.sizes == (6, 7, 7)
    with pytest.raises(ValueError, match="2 tokens cannot be cut over --context 3"):
        context.cut((2,))


def test_sharding_is_chosen_by_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_sharding("auto", 50, 100) == "none"
    assert choose_sharding("auto", 70, 100) == "full"
    assert choose_sharding("full", 1, 100) == "full"
    with pytest.raises(ValueError, match="--sharding nodes keeps a copy .* there is one: use full"):
        choose_sharding("nodes", 1, 100)
    monkeypatch.setenv("WORLD_SIZE", "16")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert choose_sharding("auto", 70, 100) == "nodes"


def test_impossible_groups_are_named() -> None:
    with pytest.raises(ValueError, match="--context 3: 4 processes cannot be divided"):
        Ranks(0, 4, context=3)
    with pytest.raises(ValueError, match="--sharding 'half' is unknown: use auto, none, full, nodes"):
        Ranks(0, 4, sharding="half")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="3 micro-batches .* over 2 groups of 2 processes"):
        Ranks(0, 4, context=2).check_lanes(3)
    assert [list(Ranks(rank, 4, context=2).own(4)) for rank in range(4)] == [[0, 2], [0, 2], [1, 3], [1, 3]]


def test_an_exchange_of_one_process_changes_nothing(tmp_path: Path) -> None:
    """The road through whole matrices gives the weights of the road without."""
    import torch.distributed as dist

    from langit.train.exchange import WholeMatrices

    def step(exchange: WholeMatrices | None) -> list[torch.Tensor]:
        torch.manual_seed(2)
        named = {name: nn.Parameter(torch.randn(6, 4)) for name in "ab"}
        optimisers = Optimisers(named, lambda *_: "matrix", OptimConfig(warmup=1), exchange=exchange)
        for number in range(2):
            for parameter in named.values():
                parameter.grad = torch.randn(6, 4)
            optimisers.step(number, 100)
        return [parameter.detach() for parameter in named.values()]

    expected = step(None)
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        found = step(WholeMatrices(0, 1))
    finally:
        dist.destroy_process_group()
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
