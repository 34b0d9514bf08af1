"""The clips nearest to a video with their pictures, as a process of its own: ``python -m langit.inquiry.clips``.

Films that were not kept are rendered again, which a server should not do in its own process. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(path: str, model: str, count: str, home: str) -> None:
    """Print what :func:`langit.inquiry.about.describe_nearest` finds."""
    answers = os.dup(1)
    os.dup2(2, 1)  # libraries that print would break the answer
    from langit.bundle import load_bundle
    from langit.inquiry.about import describe_nearest

    found = describe_nearest(Path(path), load_bundle(model), int(count), Path(home), pictures=True)
    with os.fdopen(answers, "w", encoding="utf-8") as out:
        out.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
