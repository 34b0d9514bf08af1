"""What a model makes, judged: by a probe that knows the truth of our worlds, beside real films and shuffled prompts."""
