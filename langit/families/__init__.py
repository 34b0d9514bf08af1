"""Open weights by family: how their makers sample them, what they can take, and how folders of them are read."""
