"""The verb `gate` asks the prompt gate. Exit code 0 if a prompt would pass, 2 if it would be refused."""

from __future__ import annotations

from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.ledger_output import to_json
from langit.cli.printing import JsonOption, say


@app.command()
def gate(
    prompt: Annotated[str, typer.Argument(help="A prompt, as you would give it to generate.")],
    model: Annotated[
        str, typer.Option(help="The model that would make the video; consents may be limited to a model.")
    ] = "pocket",
    ability: Annotated[str, typer.Option(help="The verb that would make it; consents may be limited to a verb.")] = (
        "generate"
    ),
    as_json: JsonOption = False,
) -> None:
    """Check a prompt with the prompt gate: print "passes", or the rule that refuses it. Makes no video."""
    from langit import config
    from langit.release.gates.finding import enforce
    from langit.release.gates.guard import load_guard
    from langit.release.gates.likeness import consents
    from langit.release.gates.prompt import MEND, PromptConfig, judge_prompt
    from langit.release.settings import section
    from langit.text.prompt import normalize_prompt

    normalize_prompt(prompt)
    home = config.home()
    settings = section(home, "prompt", PromptConfig)
    agreed = consents(home / "ledger", model, ability, settings.purpose)
    findings = judge_prompt(prompt, settings, agreed, load_guard(settings))
    if as_json:
        answer = [
            {"rule": each.rule, "action": each.action, "why": each.why}
            | ({} if each.score is None else {"score": each.score})
            for each in findings
        ]
        refused = any(each.action == "refuse" for each in findings)
        typer.echo(to_json({"prompt": prompt, "passes": not refused, "findings": answer}).rstrip())
        if refused:
            raise typer.Exit(2)
        return
    for flag in enforce(findings, MEND):
        say(f"flagged by rule {flag}")
    say("passes")
