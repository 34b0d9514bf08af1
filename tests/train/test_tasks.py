"""What the flow task shows a model: known tokens at level zero as they are, and no loss on them."""

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
    """Answers nothing, and remembers what it was shown."""

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
    made = FlowTask(witness, parts.text, config, lambda _step, _folder: None)  # type: ignore[arg-type]
    return made, witness, parts.transformer.config.in_channels


def test_known_tokens_are_shown_as_they_are_and_cost_nothing() -> None:
    made, witness, channels = task(KnownConfig(none=0, first_frame=1))
    given = batch(channels)
    wrong, noise = made.losses(given, torch.Generator().manual_seed(2))
    clean = pack(given.items.latents, [0.0] * 3)
    known = torch.zeros(54, dtype=torch.bool)
    known[:6] = known[18:24] = True  # the first frame of the first two; the third is one frame, all of it unknown
    assert torch.equal(noise == 0, known) and torch.equal(witness.shown.noise, noise)
    assert torch.equal(witness.shown.tokens[known], clean.tokens[known])
    assert not torch.isclose(witness.shown.tokens[~known], clean.tokens[~known]).all(1).any()
    loss = made.loss(given, 0, torch.Generator().manual_seed(2))
    assert torch.isclose(loss, wrong[~known].mean())


def test_known_tokens_may_be_disturbed_but_keep_level_zero() -> None:
    made, witness, channels = task(KnownConfig(none=0, first_frame=1, noise=0.2))
    given = batch(channels)
    _, noise = made.losses(given, torch.Generator().manual_seed(2))
    clean = pack(given.items.latents, [0.0] * 3)
    off = (witness.shown.tokens - clean.tokens)[noise == 0]
    assert 0 < off.std() < 0.2 and set(noise[noise == 0].tolist()) == {0.0}


def test_what_begins_in_the_middle_is_begun_from_something_known() -> None:
    made, witness, channels = task(KnownConfig())
    made.losses(batch(channels, later=True), torch.Generator().manual_seed(0))
    assert (witness.shown.noise[:6] == 0).all() and (witness.shown.noise[18:24] == 0).all()
    made.losses(replace(batch(channels)), torch.Generator().manual_seed(0))
    assert (witness.shown.noise > 0).all()


def test_scores_that_nothing_holds_in_check_are_named():
    parts = make_parts(0)
    made = FlowTask(parts.transformer, parts.text, FlowConfig(), lambda _step, _folder: None)
    kinds = {
        f"{part}.{name}": made.parameter_kind(f"{part}.{name}", p)
        for part, module in made.modules().items()
        for name, p in module.named_parameters()
    }
    scores = {name for name, kind in kinds.items() if kind == "score"}
    assert scores and all(name.startswith("text.") and name.endswith(("q.weight", "k.weight")) for name in scores)
    assert len(scores) == 2 * parts.text.config.num_layers
    assert all(kind == "other" for name, kind in kinds.items() if "relative_attention_bias" in name)
    assert any(kind == "matrix" for name, kind in kinds.items() if name.startswith("transformer."))
