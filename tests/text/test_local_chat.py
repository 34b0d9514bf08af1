"""A chat model on this machine: a tiny one, taught one caption on the spot, saved and read as any other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from langit.studio.expanders import find_expander
from langit.text.chat import chat_messages
from langit.text.tokenizer import train_tokenizer
from langit.text.vocabulary import Vocabulary
from langit.worlds.caption import captions
from langit.worlds.scene import sample_scene

TOKENIZER = train_tokenizer(text for seed in range(40) for text in captions(sample_scene(seed), 6))
CAPTION = "a red ball spins on sand"
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|> {{ m.content }} {% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def save_chat_model(folder: Path, context: int = 1024, template: str | None = TEMPLATE, taught: str = "") -> None:
    """A one-layer Llama that answers everything with one sentence, in the layout of transformers.

    The words of the sentence differ from each other. Without one it has learnt nothing.
    """
    asked = " ".join(one["content"] for one in chat_messages("ball", Vocabulary(TOKENIZER)))
    split = pre_tokenizers.WhitespaceSplit()
    known = {piece for piece, _ in split.pre_tokenize_str(f"{asked} {taught}")}
    specials = ["<unk>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>"]
    vocab = {word: place for place, word in enumerate([*specials, *sorted(known - set(specials))])}
    own = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    own.pre_tokenizer = split
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=own, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.chat_template = template
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocab),
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=context,
            bos_token_id=1,
            eos_token_id=2,
        )
    )
    with torch.no_grad():
        model.model.layers[0].self_attn.o_proj.weight.zero_()  # each word follows from the one before it alone
    model.model.layers[0].self_attn.requires_grad_(False)
    lesson = torch.tensor([[vocab["<|assistant|>"], *(vocab[word] for word in taught.split()), vocab["</s>"]]])
    optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], 0.03)
    for _ in range(30 if taught else 0):
        optimiser.zero_grad()
        model(input_ids=lesson, labels=lesson).loss.backward()
        optimiser.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def test_a_local_chat_model_answers(tmp_path: Path) -> None:
    save_chat_model(tmp_path, taught=CAPTION)
    chosen = find_expander(f"transformers:{tmp_path}", Vocabulary(TOKENIZER))
    made = chosen("ball", 0)
    assert (made.original, made.text, made.by) == ("ball", CAPTION, str(tmp_path))
    assert made.unknown == ()
    assert chosen("ball", 1) == made
    with pytest.raises(ValueError, match="no words"):
        chosen("…", 0)


def test_its_unknown_words_are_named(tmp_path: Path) -> None:
    save_chat_model(tmp_path, taught="a giraffe spins on sand")
    assert find_expander(f"transformers:{tmp_path}", Vocabulary(TOKENIZER))("ball", 0).unknown == (("giraffe", ""),)


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    save_chat_model(tmp_path, template=None)
    with pytest.raises(ValueError, match="has no chat template"):
        find_expander(f"transformers:{tmp_path}", Vocabulary(TOKENIZER))


def test_a_model_that_reads_too_little_is_named_with_what_it_needs(tmp_path: Path) -> None:
    save_chat_model(tmp_path, context=64)
    chosen = find_expander(f"transformers:{tmp_path}", Vocabulary(TOKENIZER))
    with pytest.raises(ValueError, match="reads 64 tokens, instructions and answer need"):
        chosen("ball", 0)


def test_weights_that_would_have_to_be_unpickled_are_not_read(tmp_path: Path) -> None:
    save_chat_model(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="no chat model can be read"):
        find_expander(f"transformers:{tmp_path}", Vocabulary(TOKENIZER))


@pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "~/no-such-chat-model"])
def test_a_folder_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(OSError, match="there is no folder .*(folder|missing|model)"):
        find_expander(f"transformers:{name}", Vocabulary(TOKENIZER))


def test_a_name_is_not_looked_up_elsewhere() -> None:
    with pytest.raises(OSError, match="no chat model 'nofolder' is on this machine"):
        find_expander("transformers:nofolder", Vocabulary(TOKENIZER))


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no chat model can be read from"):
        find_expander(f"transformers:{tmp_path}", Vocabulary(TOKENIZER))


def test_no_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="write transformers:FOLDER"):
        find_expander("transformers:", Vocabulary(TOKENIZER))
