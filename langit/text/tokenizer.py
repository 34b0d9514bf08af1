"""A word-level tokenizer trained on captions, in the file format of the ``tokenizers`` library.

Its vocabulary is every word of the captions. Other words become ``<unk>``; ``prompt.py`` reports them to the user. Ids
follow UMT5: 0 is padding, 1 the end of a text, 2 the unknown word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"


def train_tokenizer(captions: Iterable[str]) -> Tokenizer:
    """Train a tokenizer whose vocabulary is every word of the captions, most frequent first."""
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
    """Append every unknown word of the captions to a tokenizer's vocabulary, most frequent first.

    Known words keep their ids. Without unknown words the result equals the input.
    """
    found = train_tokenizer(captions).get_vocab()
    known = tokenizer.get_vocab()
    new = sorted((word for word in found if word not in known), key=lambda word: found[word])
    plain = json.loads(tokenizer.to_str())
    # The library cannot extend a word-level vocabulary, but its file format can.
    plain["model"]["vocab"] = known | {word: id_ for id_, word in enumerate(new, start=len(known))}
    return Tokenizer.from_str(json.dumps(plain))


def words(tokenizer: Tokenizer, text: str) -> list[str]:
    """Split a text into words as the tokenizer does, without punctuation."""
    normal = tokenizer.normalizer.normalize_str(text)
    pieces = [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]
    return [piece for piece in pieces if any(letter.isalnum() for letter in piece)]
