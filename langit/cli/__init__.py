"""The command line: one verb for each thing that a person wants done; each calls one room, which knows nothing of it.

Each file holds a family of verbs, which register with the app as they are imported; rooms are imported by the verbs
themselves, so that --help is quick.
"""

from langit.cli.entry import app, main

# The order of --help.
# isort: off
import langit.cli.generate
import langit.cli.abilities
import langit.cli.serve
import langit.cli.mcp
import langit.cli.train
import langit.cli.runs
import langit.cli.plan
import langit.cli.models
import langit.cli.lora
import langit.cli.evaluate
import langit.cli.judge
import langit.cli.worlds
import langit.cli.curate
import langit.cli.nearest
import langit.cli.ledger
import langit.cli.ledger_proofs
import langit.cli.takedown
import langit.cli.gate
import langit.cli.likeness
import langit.cli.verify
import langit.cli.keys
import langit.cli.bundle  # noqa: F401  (like those above it, imported to register)

__all__ = ["app", "main"]
