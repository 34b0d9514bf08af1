"""Our UMT5 agrees with transformers': the same names and numbers, and weights can be exchanged."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import UMT5Config, UMT5EncoderModel

from langit.text.umt5 import Umt5Encoder, position_buckets, transformers_config

SMALL = {"vocab_size": 40, "d_model": 24, "d_kv": 8, "num_heads": 3, "d_ff": 40, "num_layers": 2}


def peer(sizes: dict[str, int]) -> UMT5EncoderModel:
    return UMT5EncoderModel(UMT5Config(**transformers_config(sizes))).eval()


@settings(max_examples=12, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 180), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
    layers=st.integers(1, 3),
    heads=st.integers(1, 4),
)
def test_it_computes_what_transformers_computes(lengths, seed, layers, heads):
    torch.manual_seed(seed)
    sizes = SMALL | {"num_layers": layers, "num_heads": heads}
    ours, theirs = Umt5Encoder(**sizes).eval(), peer(sizes)
    theirs.load_state_dict(ours.state_dict())
    ids = torch.randint(0, sizes["vocab_size"], (len(lengths), max(lengths)))
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        torch.testing.assert_close(ours(ids, mask)[mask], expected[mask], atol=2e-5, rtol=1e-4)


def test_weights_can_be_exchanged_under_the_same_names():
    ours, theirs = Umt5Encoder(**SMALL), peer(SMALL)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    assert ours.encoder.embed_tokens.weight is ours.shared.weight


def test_buckets_agree_with_transformers():
    attention = peer(SMALL).encoder.block[0].layer[0].SelfAttention
    place = torch.arange(700)
    assert torch.equal(position_buckets(700), attention._relative_position_bucket(place[None] - place[:, None]))


def test_it_is_initialised_with_the_spmask_of_transformers():
    torch.manual_seed(0)
    sizes = SMALL | {"d_model": 128, "d_kv": 32, "num_heads": 4, "d_ff": 96, "vocab_size": 500}
    ours, theirs = Umt5Encoder(**sizes).state_dict(), peer(sizes).state_dict()
    for name, value in theirs.items():
        assert ours[name].std().item() == pytest.approx(value.std().item(), rel=0.25, abs=1e-6), name


def test_gradients_reach_every_weight():
    torch.manual_seed(0)
    ours = Umt5Encoder(**SMALL)
    out = ours(torch.tensor([[5, 6, 7, 0]]), torch.tensor([[True, True, True, False]]))[:, :3]
    (out * torch.randn_like(out)).sum().backward()
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 1e-5, name


def test_reset_heads_attend_back_ahead_and_both_ways():
    attention = Umt5Encoder(**SMALL).encoder.block[0].layer[0].SelfAttention
    attention.draw_scores()
    bias = attention.relative_attention_bias(position_buckets(40)).detach()  # (S, S, heads)
    back, ahead, both = bias[20].unbind(1)
    assert back[19] > back[21] and ahead[21] > ahead[19] and both[19] == both[21]
    for head in (back, ahead, both):
        assert head.argmax() == 20
        assert torch.all(head[20:].diff() <= 0) and torch.all(head[:21].diff() >= 0)


def test_after_a_reset_a_word_depends_on_its_neighbours():
    torch.manual_seed(0)
    sizes = SMALL | {"d_model": 48, "d_kv": 16, "vocab_size": 60}
    ours = Umt5Encoder(**sizes).eval()
    ours.draw_scores()
    one, other = torch.tensor([[5, 6, 7, 8, 9, 10, 11]]), torch.tensor([[5, 11, 7, 8, 9, 10, 6]])
    mask = torch.ones_like(one, dtype=torch.bool)
    with torch.no_grad():
        moved = (ours(one, mask) - ours(other, mask)).norm(dim=-1)[0] / ours(one, mask).norm(dim=-1)[0]
    assert moved[0] > 0.1 and moved[2] > 0.1 and moved[5] > 0.1  # beside what was exchanged
    assert moved[3] < moved[2]


def test_a_reset_changes_the_scores_alone():
    ours = Umt5Encoder(**SMALL)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    for value in ours.parameters():
        value.data += 1
    ours.draw_scores()
    for name, value in ours.state_dict().items():
        scores = name.endswith((".q.weight", ".k.weight", "relative_attention_bias.weight"))
        assert torch.allclose(value, before[name] + 1) != scores, name
