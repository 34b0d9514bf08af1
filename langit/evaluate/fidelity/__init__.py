"""How well videos follow their prompts, as the probe judges it."""
