"""Ask the prompt gate: the verb `gate`. Exit code 0 where a prompt would pass, 2 where it would be refused."""

from __future__ import annotations

from typing import Annotated

import typer

from langit.cli.entry import app


@app.command()
def gate(
    prompt: Annotated[str, typer.Argument(help="A prompt, as it would be given to generate.")],
    model: Annotated[
        str, typer.Option(help="The model that would make it: consents may be limited to one.")
    ] = "pocket",
    ability: Annotated[str, typer.Option(help="The verb that would make it.")] = "generate",
) -> None:
    """Say whether the prompt gate would let a prompt pass, and if not, by which rule; nothing is made."""
    from langit import config
    from langit.release.gates.finding import enforce
    from langit.release.gates.guard import load_guard
    from langit.release.gates.likeness import consents
    from langit.release.gates.prompt import MEND, PromptConfig, check_prompt
    from langit.release.settings import section
    from langit.text.prompt import normalize_prompt

    normalize_prompt(prompt)
    home = config.home()
    told = section(home, "prompt", PromptConfig)
    agreed = consents(home / "ledger", model, ability, told.purpose)
    for flag in enforce(check_prompt(prompt, told, agreed, load_guard(told)), MEND):
        typer.echo(f"flagged by rule {flag}")
    typer.echo("passes")
