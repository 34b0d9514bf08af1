"""What the flow task shows a model: known tokens unchanged at level zero, and no loss on them."""

from dataclasses import replace

import torch
from bundle.miniature import make_parts
from torch import Tensor, nn

from langit.feed.batch import Batch
from langit.feed.loader import LatentItems
from langit.patches import Pack, TextPack, pack
from langit.patches.known import KnownConfig
from langit.train.tasks import FlowConfig, FlowTask


class Witness(nn.Module):
    """Predicts zero, and keeps the pack that it was given."""

    shown: Pack

    def forward(self, shown: Pack, texts: TextPack) -> Tensor:
        self.shown = shown
        return torch.zeros_like(shown.tokens) + 0 * texts.tokens.sum()


def batch(channels: int, later: bool = False) -> Batch[LatentItems]:
    source = torch.Generator().manual_seed(1)
    latents = [torch.randn(channels, frames, 4, 6, generator=source) for frames in (3, 5, 1)]
    lengths = tuple(6 * video.shape[1] for video in latents)
    shares = [torch.zeros(length) for length in lengths]
    items = LatentItems(latents, ["a red ball", "a cube", "snow"], shares, [later] * 3)
    return Batch(("", "", ""), sum(lengths), items)


def task(known: KnownConfig) -> tuple[FlowTask, Witness, int]:
    parts = make_parts(0)
    witness = Witness()
    config = FlowConfig(known=known, thing_after=0, drop_word=0.0)
    flow = FlowTask(witness, parts.text, config, lambda _step, _folder: None)  # type: ignore[arg-type]
    return flow, witness, parts.transformer.config.in_channels


def test_known_tokens_are_shown_unchanged_and_have_no_loss() -> None:
    flow, witness, channels = task(KnownConfig(none=0, first_frame=1))
    given = batch(channels)
    errors, noise = flow.losses(given, torch.Generator().manual_seed(2))
    clean = pack(given.items.latents, [0.0] * 3)
    known = torch.zeros(54, dtype=torch.bool)
    known[:6] = known[18:24] = True  # the first frame of the first two; the third is one frame, all of it unknown
    assert torch.equal(noise == 0, known) and torch.equal(witness.shown.noise, noise)
    assert torch.equal(witness.shown.tokens[known], clean.tokens[known])
    assert not torch.isclose(witness.shown.tokens[~known], clean.tokens[~known]).all(1).any()
    loss = flow.loss(given, 0, torch.Generator().manual_seed(2))
    assert torch.isclose(loss, errors[~known].mean())


def test_known_tokens_may_be_disturbed_but_keep_level_zero() -> None:
    flow, witness, channels = task(KnownConfig(none=0, first_frame=1, noise=0.2))
    given = batch(channels)
    _, noise = flow.losses(given, torch.Generator().manual_seed(2))
    clean = pack(given.items.latents, [0.0] * 3)
    off = (witness.shown.tokens - clean.tokens)[noise == 0]
    assert 0 < off.std() < 0.2 and set(noise[noise == 0].tolist()) == {0.0}


def test_a_window_that_starts_later_has_something_known_at_its_start() -> None:
    flow, witness, channels = task(KnownConfig())
    flow.losses(batch(channels, later=True), torch.Generator().manual_seed(0))
    assert (witness.shown.noise[:6] == 0).all() and (witness.shown.noise[18:24] == 0).all()
    flow.losses(replace(batch(channels)), torch.Generator().manual_seed(0))
    assert (witness.shown.noise > 0).all()


def test_unnormalised_attention_scores_are_a_kind_of_their_own() -> None:
    parts = make_parts(0)
    flow = FlowTask(parts.transformer, parts.text, FlowConfig(), lambda _step, _folder: None)
    kinds = {
        f"{part}.{name}": flow.parameter_kind(f"{part}.{name}", p)
        for part, module in flow.modules().items()
        for name, p in module.named_parameters()
    }
    scores = {name for name, kind in kinds.items() if kind == "score"}
    assert scores and all(name.startswith("text.") and name.endswith(("q.weight", "k.weight")) for name in scores)
    assert len(scores) == 2 * parts.text.config.num_layers
    assert all(kind == "other" for name, kind in kinds.items() if "relative_attention_bias" in name)
    assert any(kind == "matrix" for name, kind in kinds.items() if name.startswith("transformer."))
