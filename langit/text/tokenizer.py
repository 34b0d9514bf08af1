"""A word-level tokenizer made from captions, in the `tokenizers` library's own file format.

Knows every word that some caption used and nothing else: a word outside becomes ``<unk>``, and `prompt.py` names it to
the person. Ids follow UMT5: 0 pads, 1 ends a text, 2 is the unknown word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"


def train_tokenizer(captions: Iterable[str]) -> Tokenizer:
    """A tokenizer whose vocabulary is every word of the captions, most frequent first."""
    tokenizer = Tokenizer(models.WordLevel({PAD: 0, END: 1, UNKNOWN: 2}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    trainer = trainers.WordLevelTrainer(special_tokens=[PAD, END, UNKNOWN], min_frequency=1, show_progress=False)
    tokenizer.train_from_iterator(captions, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    return tokenizer


def extend_tokenizer(tokenizer: Tokenizer, captions: Iterable[str]) -> Tokenizer:
    """The tokenizer with every word of these captions that it lacks, after its own, most frequent first.

    Words that it knows keep their ids. Where it lacks none, it is an equal one.
    """
    more = train_tokenizer(captions).get_vocab()
    known = tokenizer.get_vocab()
    new = sorted((word for word in more if word not in known), key=lambda word: more[word])
    plain = json.loads(tokenizer.to_str())
    plain["model"]["vocab"] = known | {word: id_ for id_, word in enumerate(new, start=len(known))}
    return Tokenizer.from_str(json.dumps(plain))


def words(tokenizer: Tokenizer, text: str) -> list[str]:
    """The words that the tokenizer cuts a text into, punctuation left out."""
    normal = tokenizer.normalizer.normalize_str(text)
    pieces = [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]
    return [piece for piece in pieces if any(letter.isalnum() for letter in piece)]
