"""LoRA files of every format for Wan: against diffusers with PEFT where it reads them, and refusals that name keys."""

from dataclasses import asdict, replace

import pytest
import torch
from diffusers import WanTransformer3DModel
from diffusers.loaders import WanLoraLoaderMixin
from safetensors.torch import save_file

from langit.bundle.lora import read_lora, save_lora
from langit.patches import TextPack, pack, unpack
from langit.transformer import TransformerConfig, VideoTransformer
from langit.transformer.adapter import Adapter
from langit.transformer.lora import layer_aliases, merge_changes, read_changes

TINY = TransformerConfig(
    num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=4, text_dim=12, freq_dim=16, ffn_dim=24,
    num_layers=2,
)  # fmt: skip


def _models() -> tuple[VideoTransformer, WanTransformer3DModel]:
    torch.manual_seed(0)
    ours = VideoTransformer(TINY).eval()
    torch.nn.init.normal_(ours.proj_out.weight, std=0.1)
    theirs = WanTransformer3DModel(**asdict(TINY)).eval()
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


class _Loader(WanLoraLoaderMixin):
    """What of diffusers' pipeline loads LoRA files."""

    def __init__(self, transformer: WanTransformer3DModel) -> None:
        self.transformer = transformer
        self.hf_device_map = None
        self.components = {"transformer": transformer}


@torch.no_grad()
def _outputs(ours: VideoTransformer, theirs: WanTransformer3DModel) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    latents, text = torch.randn(1, 4, 3, 4, 6), torch.randn(1, 5, 12)
    packed = pack(list(latents), [0.4])
    mine = torch.stack(unpack(packed, ours(packed, TextPack(text[0], (5,)))))
    return mine, theirs(latents, torch.tensor([400.0]), text).sample


def _pair(outputs: int, inputs: int, rank: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rank, inputs) * 0.3, torch.randn(outputs, rank) * 0.3


def _makers_file(down: str, up: str, *, alpha: bool, extras: bool) -> dict[str, torch.Tensor]:
    """A file with the makers' names, as ComfyUI, lightx2v and CausVid write them."""
    torch.manual_seed(2)
    made: dict[str, torch.Tensor] = {}

    def add(layer: str, outputs: int, inputs: int, bias: bool = False) -> None:
        made[f"diffusion_model.{layer}.{down}.weight"], made[f"diffusion_model.{layer}.{up}.weight"] = _pair(
            outputs, inputs
        )
        if alpha:
            made[f"diffusion_model.{layer}.alpha"] = torch.tensor(1.5)
        if bias:
            made[f"diffusion_model.{layer}.diff_b"] = torch.randn(outputs) * 0.1

    for block in range(2):
        for attention in ("self_attn", "cross_attn"):
            for name in "qkvo":
                add(f"blocks.{block}.{attention}.{name}", 16, 16, bias=extras)
        add(f"blocks.{block}.ffn.0", 24, 16, bias=extras)
        add(f"blocks.{block}.ffn.2", 16, 24, bias=extras)  # diffusers wants a bias everywhere or nowhere
    if extras:
        add("time_projection.1", 96, 16, bias=True)
        add("head.head", 16, 16, bias=True)
        add("text_embedding.0", 16, 12, bias=True)
        add("time_embedding.2", 16, 16, bias=True)
    return made


def _underscored(made: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same file as musubi-tuner writes it."""
    out = {}
    for key, tensor in made.items():
        layer, _, rest = key.removeprefix("diffusion_model.").partition(".lora_" if ".lora_" in key else ".alpha")
        out["lora_unet_" + layer.replace(".", "_") + (f".lora_{rest}" if rest else ".alpha")] = tensor
    return out


def _peft_file() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    made = {}
    for layer, (outputs, inputs) in {
        "blocks.0.attn1.to_q": (16, 16), "blocks.1.attn2.to_out.0": (16, 16), "blocks.1.ffn.net.0.proj": (24, 16),
        "condition_embedder.time_proj": (96, 16), "proj_out": (16, 16),
    }.items():  # fmt: skip
        made[f"transformer.{layer}.lora_A.weight"], made[f"transformer.{layer}.lora_B.weight"] = _pair(outputs, inputs)
    return made


FILES = {
    "makers, down/up": lambda: _makers_file("lora_down", "lora_up", alpha=False, extras=False),
    "makers, down/up and alpha": lambda: _makers_file("lora_down", "lora_up", alpha=True, extras=False),
    "makers, A/B and alpha": lambda: _makers_file("lora_A", "lora_B", alpha=True, extras=False),
    "makers, biases, time projection, head, embeddings": lambda: _makers_file(
        "lora_down", "lora_up", alpha=False, extras=True
    ),
    "musubi": lambda: _underscored(_makers_file("lora_down", "lora_up", alpha=True, extras=False)),
    "PEFT": _peft_file,
}


@pytest.mark.parametrize("name", FILES)
def test_their_files_give_the_same_here_as_in_diffusers(name, tmp_path):
    path = tmp_path / "lora.safetensors"
    save_file(FILES[name](), path)
    ours, theirs = _models()
    plain, _ = _outputs(ours, theirs)
    _Loader(theirs).load_lora_weights(str(tmp_path), weight_name=path.name)
    merge_changes(ours, [read_lora(path, ours)])
    mine, expected = _outputs(ours, theirs)
    assert (mine - plain).abs().max() > 0.01  # it changes something
    assert (mine - expected).abs().max() < 2e-5


def test_our_files_give_the_same_in_diffusers(tmp_path):
    ours, theirs = _models()
    adapter = Adapter.of_rank(ours, 3)
    torch.manual_seed(4)
    for pair in adapter.named_pairs().values():
        torch.nn.init.normal_(pair.up, std=0.2)
    path = tmp_path / "pytorch_lora_weights.safetensors"
    save_lora(path, adapter.half().float(), ours, {})  # stored in half precision
    _Loader(theirs).load_lora_weights(str(tmp_path), weight_name=path.name)
    plain, _ = _outputs(ours, theirs)
    mine, expected = _outputs(adapter.fuse(ours), theirs)
    assert (mine - plain).abs().max() > 0.01
    assert (mine - expected).abs().max() < 2e-5
    again = _models()[0]
    merge_changes(again, [read_lora(path, again)])
    assert (_outputs(again, theirs)[0] - expected).abs().max() < 2e-5


def test_alpha_in_pefts_settings_counts(tmp_path):
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    ours, theirs = _models()
    torch.manual_seed(5)
    config = LoraConfig(r=4, lora_alpha=10, target_modules=["to_q", "to_v", "net.2"], init_lora_weights="gaussian")
    theirs.add_adapter(config)
    for parameter_name, parameter in theirs.named_parameters():
        if "lora_B" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.2)
    layers = get_peft_model_state_dict(theirs)
    _Loader.save_lora_weights(tmp_path, layers, transformer_lora_adapter_metadata=config.to_dict())
    merge_changes(ours, [read_lora(tmp_path / "pytorch_lora_weights.safetensors", ours)])
    mine, expected = _outputs(ours, theirs)
    assert (mine - expected).abs().max() < 2e-5


def test_several_files_add_up_by_their_weights(tmp_path):
    first, second = FILES["PEFT"](), FILES["musubi"]()
    for name, tensors in (("a", first), ("b", second)):
        save_file(tensors, tmp_path / f"{name}.safetensors")
    ours, theirs = _models()
    loader = _Loader(theirs)
    for name in ("a", "b"):
        loader.load_lora_weights(str(tmp_path), weight_name=f"{name}.safetensors", adapter_name=name)
    theirs.set_adapters(["a", "b"], [0.5, -0.25])
    merge_changes(
        ours, [read_lora(tmp_path / "a.safetensors", ours, 0.5), read_lora(tmp_path / "b.safetensors", ours, -0.25)]
    )
    mine, expected = _outputs(ours, theirs)
    assert (mine - expected).abs().max() < 2e-5


def test_whole_differences_are_added_to_weights_and_norms():
    ours, _ = _models()
    before = {name: value.clone() for name, value in ours.named_parameters()}
    difference = {
        "diffusion_model.head.head.diff": torch.randn(16, 16),
        "diffusion_model.blocks.1.self_attn.norm_q.diff": torch.randn(16),
        "diffusion_model.blocks.0.norm3.diff": torch.randn(16),
        "diffusion_model.blocks.0.norm3.diff_b": torch.randn(16),
        "diffusion_model.patch_embedding.diff": torch.randn(16, 4, 1, 2, 2),
    }
    merge_changes(ours, [read_changes(difference, ours)])
    for name, key in {
        "proj_out.weight": "head.head.diff", "blocks.1.attn1.norm_q.weight": "blocks.1.self_attn.norm_q.diff",
        "blocks.0.norm2.weight": "blocks.0.norm3.diff", "blocks.0.norm2.bias": "blocks.0.norm3.diff_b",
        "patch_embedding.weight": "patch_embedding.diff",
    }.items():  # fmt: skip
        expected = before[name] + difference[f"diffusion_model.{key}"]
        assert torch.allclose(dict(ours.named_parameters())[name], expected)


def test_names_of_layers():
    assert layer_aliases("blocks.3.ffn.net.0.proj")[1] == "blocks.3.ffn.0"
    assert layer_aliases("proj_out")[1] == "head.head"
    assert layer_aliases("condition_embedder.time_proj")[1] == "time_projection.1"
    assert layer_aliases("blocks.3.attn2.to_out.0")[3] == "_blocks_3_cross_attn_o"


def test_a_lora_of_a_larger_model_is_refused_by_its_sizes():
    larger = VideoTransformer(replace(TINY, num_attention_heads=4))
    tensors = {key: value for key, value in FILES["musubi"]().items() if "_self_attn_q" in key}
    with pytest.raises(ValueError, match=r"layer blocks\.0\.attn1\.to_q: \(16, 3\) x \(3, 16\) .*\(32, 32\)"):
        read_changes(tensors, larger)


def test_a_lora_of_a_deeper_model_is_refused_by_its_keys():
    shallow = VideoTransformer(replace(TINY, num_layers=1))
    with pytest.raises(ValueError, match=r"30 of its 60 tensors .*'lora_unet_blocks_1_cross_attn_k\.alpha'.* 27 more"):
        read_changes(FILES["musubi"](), shallow)


def test_a_lora_of_another_architecture_is_refused():
    flux = {"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": torch.zeros(2, 16)}
    with pytest.raises(ValueError, match=r"1 of its 1 tensors .*single_transformer_blocks"):
        read_changes(flux, _models()[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("transformer.proj_out.lora_B.weight"), "its down matrix but not its up matrix"),
        (lambda t: t.pop("transformer.proj_out.lora_A.weight"), "its up matrix but not its down matrix"),
        (lambda t: t["transformer.proj_out.lora_A.weight"].fill_(float("nan")), "not finite"),
        (lambda t: t.update({"transformer.proj_out.dora_scale": torch.ones(16)}), "DoRA"),
        (lambda t: t.update({"transformer.proj_out.hada_w1_a": torch.ones(16)}), "LoHa"),
        (lambda t: t.update({"transformer.proj_out.alpha": torch.ones(2)}), "alpha"),
        (lambda t: t.update({"transformer.proj_out.diff_b": torch.ones(9)}), r"\(9,\) for a bias of \(16,\)"),
        (lambda t: t.update({"transformer.proj_out.diff_b": torch.tensor(1.0)}), r"\(\) for a bias of \(16,\)"),
        (
            lambda t: t.update({"transformer.proj_out.lora_A.weight": torch.ones(3)}),
            r"halves are \(3,\) and .*, not mat",
        ),
        (lambda t: t.update({"transformer.proj_out.lora_B.weight": torch.ones(16, 5)}), "ranks 5 and 3, which have to"),
        (lambda t: t.clear(), "no tensors"),
    ],
)
def test_damaged_files_are_refused(change, message):
    tensors = FILES["PEFT"]()
    change(tensors)
    with pytest.raises(ValueError, match=message):
        read_changes(tensors, _models()[0])


@pytest.mark.parametrize("settings", [{"lora_alpha": "many"}, {"lora_alpha": 1, "alpha_pattern": {"(": 2}}])
def test_settings_that_cannot_be_read_are_named(settings):
    with pytest.raises(ValueError, match="lora_alpha or alpha_pattern in its metadata is wrong"):
        read_changes(FILES["PEFT"](), _models()[0], settings)


def test_pickles_folders_and_strengths(tmp_path):
    ours = _models()[0]
    (tmp_path / "lora.pt").write_bytes(b"\x80\x02")
    with pytest.raises(ValueError, match="pickle"):
        read_lora(tmp_path / "lora.pt", ours)
    with pytest.raises(ValueError, match="folder"):
        read_lora(tmp_path, ours)
    path = tmp_path / "lora.safetensors"
    save_file(FILES["PEFT"](), path)
    with pytest.raises(ValueError, match="finite"):
        read_lora(path, ours, float("inf"))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"LoRA .*cut off"):
        read_lora(path, ours)
