"""R8: from a prompt to an MP4, CPU seconds per second of video, ours against diffusers' parts at the same pixels.

Both sides do the same work: the pocket model's weights in a transformer of the same size, the same steps, guidance
where the settings have it (the fast preset has none; ``--quality full`` measures the model's own weights), 64x64x17
pixels at 8 frames per second, H.264 by the same writer. The peer is what a diffusers user would assemble: its
``WanTransformer3DModel`` with the same weights, its Wan autoencoder at its own size (random weights, decoding only),
and transformers' encoder. The limit is the sum of the stages' arithmetic at the speed of the fastest product in the
same run, plus the release of the file. Imports and loading are not counted: the process is warm.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.protocol import PRODUCT_FLOPS, Contender, measure, prepare, report, spread
from langit.autoencoder.model import to_frames
from langit.bundle import load_bundle
from langit.flow.guidance import guided_velocity
from langit.flow.levels import sampling_levels
from langit.flow.reuse import reuse_velocity
from langit.flow.solvers import SolverState, solver
from langit.generate import Model, generate
from langit.generate.video import sample_latents
from langit.release import Door, Facts, release
from langit.shapes import latent_shape, token_grid

PROMPT = "a red ball bounces on snow at sunset"


def flops_of(run: Callable[[], object]) -> int:
    """Count the floating-point operations of one call."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


class Peer:
    """Diffusers' transformer and autoencoder in a plain loop with guidance."""

    def __init__(self, model: Model) -> None:
        self.model = model
        config = {k: v for k, v in model.transformer.config.to_diffusers().items() if not k.startswith("_")}
        self.transformer = WanTransformer3DModel(**config).eval()
        self.transformer.load_state_dict(model.denoiser(model.sampling).state_dict())
        channels = model.autoencoder.config.latent_channels
        statistics = {"latents_mean": [0.0] * channels, "latents_std": [1.0] * channels}
        self.autoencoder = AutoencoderKLWan(z_dim=channels, **statistics).eval()

    @torch.no_grad()
    def latents(self) -> Tensor:
        """Sample with diffusers' transformer; the result is compared with ours before anything is timed."""
        model = self.model
        shape = latent_shape(model.sizes[0], model.autoencoder.compression)
        tokens = token_grid(shape, model.transformer.patch_size).count
        size = (1, shape.channels, shape.frames, shape.height, shape.width)
        x = torch.randn(size, generator=torch.Generator().manual_seed(0))
        texts = [model.text.encode([text])[0][None] for text in (PROMPT, "")]

        def velocity(x: Tensor, level: float) -> Tensor:
            time = torch.tensor([level * 1000])
            if model.sampling.guidance == 1:
                answer: Tensor = self.transformer(x, time, texts[0]).sample
                return answer
            conditional, unconditional = (self.transformer(x, time, text).sample for text in texts)
            return guided_velocity(conditional, unconditional, model.sampling.guidance)

        first, *levels = sampling_levels(model.sampling.steps, tokens, model.sampling.levels).tolist()
        state, step = SolverState(x, first), solver(model.sampling.solver)
        for after in levels:
            state = step(state, after, reuse_velocity(velocity, 0.0))
        return state.x

    @torch.no_grad()
    def frames(self) -> Tensor:
        """Decode with the peer's autoencoder, whose random weights give noise of the right size."""
        return to_frames(self.autoencoder.decode(self.latents()).sample)[0]


def main() -> None:
    """Print one table, and the stages of ours."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", default="pocket")
    arguments.add_argument("--quality", choices=("fast", "full"), default="fast", help="as in langit generate")
    arguments.add_argument("--budget", type=float, default=240.0, help="wall-clock seconds of measuring")
    given = arguments.parse_args()
    prepare()
    bundle = load_bundle(given.model)
    model = Model.of(bundle)
    always = replace(
        model.full_quality if given.quality == "full" else model.sampling,
        guidance_from=1.0,
        guidance_to=0.0,
        reuse=0.0,
        negative="",
    )
    model = replace(model, sampling=always)  # both sides evaluate every step
    peer = Peer(model)
    pixels = model.sizes[0]
    seconds = pixels.frames / model.fps
    provenance = bundle.provenance
    settings = model.sampling.steps, model.sampling.guidance
    facts = Facts("benchmark", PROMPT, 0, model.fps, *settings, provenance.digest, provenance.ledger)

    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = Path(folder) / "video.mp4"
        door = Door.of(bundle, Path(folder) / "home")

        def latents() -> list[Tensor]:
            return sample_latents([PROMPT], model, pixels=pixels, seeds=[0], sampling=model.sampling)

        made = latents()
        error = (made[0] - peer.latents()[0]).abs().max().item()
        assert error < 1e-2, f"the two samplers disagree by {error}"
        print(
            f"{pixels}, {model.sampling.steps} steps of {model.sampling.solver}, guidance {model.sampling.guidance:g};",
            end=" ",
        )
        print(f"largest difference of latents {error:.1e}")
        frames = generate(PROMPT, model).frames

        denoising = flops_of(latents)
        decoding = flops_of(lambda: model.autoencoder.decode(made[0][None]))
        peer_decoding = flops_of(lambda: peer.autoencoder.decode(made[0][None]))
        print(f"arithmetic, GFLOP: denoising {denoising / 1e9:.1f}, decoding {decoding / 1e9:.2f} (ours),", end=" ")
        print(f"{peer_decoding / 1e9:.0f} (diffusers' Wan autoencoder)")
        contenders = [
            Contender("langit", lambda: release(generate(PROMPT, model).frames.numpy(), facts, path, door, True), 1),
            Contender("diffusers' parts", lambda: release(peer.frames().numpy(), facts, path, door, True), 1),
            Contender("langit: denoising", latents, denoising),
            Contender("langit: decoding", lambda: model.autoencoder.decode(made[0][None]), decoding),
            Contender("the door out", lambda: release(frames.numpy(), facts, path, door, True), 1),
        ]
        found = measure(contenders, rounds=7, budget=given.budget)
        report("sentence -> mp4", found, contenders, [("diffusers' parts", "langit")])

    kept = [row for row in found.rounds if all(figure is not None for figure in row.values())]
    taken = [{name: figure.seconds for name, figure in row.items() if figure is not None} for row in kept]
    # the products beside a figure are 2048-cubed
    peaks = [PRODUCT_FLOPS / 1e9 / min(f.best for f in row.values() if f is not None) for row in kept]
    stages = [contender.name for contender in contenders[2:]]
    limit = [(denoising + decoding) / 1e9 / peak + row["the door out"] for peak, row in zip(peaks, taken, strict=True)]
    print("CPU seconds for each second of video:", end=" ")
    for name in ("langit", "diffusers' parts"):
        print(f"{name} {spread([row[name] / seconds for row in taken], '.3f')},", end=" ")
    print(f"limit {spread([part / seconds for part in limit], '.3f')}")
    sums = [row["langit"] / sum(row[stage] for stage in stages) for row in taken]
    print(f"the whole is {spread(sums)} times the sum of its stages")


if __name__ == "__main__":
    main()
