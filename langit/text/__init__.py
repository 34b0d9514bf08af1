"""Prompt -> embeddings: our own small tokenizer and UMT5 encoder, and what to tell a person about their words."""
