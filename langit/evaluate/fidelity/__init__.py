"""How well videos follow their prompts, as judged by the probe."""
