"""A whole bundle in miniature: real parts, a real ledger, real hashes."""

import dataclasses
import hashlib

import torch

from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.bundle import ExposureRecord, LedgerState, Parts, Provenance, TrainingRecord, TunedAdapter
from langit.ledger.record import Clip, Source
from langit.shapes import PixelShape
from langit.text.encoder import TextConfig, TextEncoder
from langit.text.tokenizer import train_tokenizer
from langit.transformer.adapter import Adapter
from langit.transformer.model import TransformerConfig, VideoTransformer
from langit.worlds.scene import VERSION, sample_scene

CAPTIONS = ["a red ball bounces on snow", "sebuah bola merah memantul di atas salju", "a blue cube spins"]
SAMPLING = {"steps": 2, "guidance": 2.0, "solver": "euler", "levels": {"shift": 3.0}}
RECIPE = {"name": "tiny", "films": [{"size": "32x32x5", "first": 0, "last": 12}], "rate": 0.002}


def make_parts(seed=0):
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(CAPTIONS)
    sizes = TextConfig(vocab_size=tokenizer.get_vocab_size(), d_model=32, d_kv=16, num_heads=2, d_ff=48, num_layers=1)
    autoencoder = AutoencoderConfig(
        fine_width=16,
        coarse_width=24,
        encoder_blocks=(1, 1),
        decoder_blocks=(1, 1),
        latents_mean=tuple(index / 10 for index in range(16)),
        latents_std=(1.5,) * 16,
    )
    parts = Parts(
        VideoTransformer(
            TransformerConfig(
                num_attention_heads=2, attention_head_dim=16, text_dim=32, freq_dim=32, ffn_dim=48, num_layers=2
            )
        ),
        Autoencoder(autoencoder),
        TextEncoder(sizes, tokenizer),
        sampling=SAMPLING,
        sizes=(PixelShape(5, 32, 32), PixelShape(5, 32, 48)),
    )
    with torch.no_grad():
        for module in (parts.transformer, parts.autoencoder, parts.text):
            for weight in module.parameters():
                weight.copy_(torch.randn_like(weight).mul(0.1).half())  # what half precision keeps exactly
    return parts


FAST = {"steps": 3, "guidance": 1.0, "solver": "euler", "levels": {"shift": 3.0}}


def make_adapter(parts, seed=0, rank=2):
    """An adapter that changes something, and that half precision keeps exactly."""
    torch.manual_seed(seed)
    adapter = Adapter.of_rank(parts.transformer, rank)
    with torch.no_grad():
        for weight in adapter.parameters():
            weight.copy_(torch.randn_like(weight).mul(0.2).half())
    return TunedAdapter(adapter, FAST)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def make_source(seed, size="32x32x5", motion=None, pixels=None):
    return Source(
        kind="rendered",
        title=f"{VERSION} film {seed} at {size}",
        content_sha256=pixels or sha(f"pixels {seed} {size}"),
        creator="Langit",
        licence="CC0-1.0",
        generator="langit.worlds",
        generator_version=VERSION,
        seed=seed,
        size=size,
        scene_sha256=sample_scene(seed).sha256,
        motion_sha256=motion or sha(f"motion {seed}"),
    )


def make_ledger(path, sources):
    from langit.ledger.store import Ledger  # Lance does not like the forks of the tests that do not need it

    ledger = Ledger(path)
    for source in sources:
        ledger.add([source, Clip(source.digest, 0, 5, False, ("a ball",), source.content_sha256)])
    return ledger


def make_provenance(ledger=None, **changes):
    state = LedgerState("langit", ledger.size, ledger.root().hex()) if ledger else LedgerState("langit", 0, sha(""))
    plain = Provenance(
        model="tiny",
        version="1",
        code_version="abc",
        recipe=RECIPE,
        ledger=state,
        exposure={"transformer": ExposureRecord(sha("rows"), 24, 6)},
        training={"transformer": TrainingRecord(1.5, 2e9, "cpu")},
    )
    return dataclasses.replace(plain, **changes)
