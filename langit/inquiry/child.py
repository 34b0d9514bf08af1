"""The process that examines a stranger's file: ``python -m langit.inquiry.child TASK``, with the file as its stdin.

It limits itself before anything of the file is read, and answers in one line of JSON on stdout. It writes no file: the
limit on the size of files is zero, and so is that on core dumps, which would keep what was uploaded.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from langit.inquiry.limits import InquiryLimits, TooMuchError

FILE = Path("/dev/stdin")


def main(asked: str) -> None:
    """Answer one question and exit."""
    question = json.loads(asked)
    limits = InquiryLimits(**question["limits"])
    confine(limits)
    # Libraries that print would break the answer.
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        answer: dict[str, Any] = {"answer": TASKS[question["task"]](Path(question["home"]), limits)}
    except TooMuchError as error:
        answer = {"too_much": str(error)}
    except ModuleNotFoundError as error:
        answer = {"failed": f"this server lacks {error.name}"}
    except (ValueError, OSError, MemoryError) as error:
        answer = {"failed": f"it cannot be read ({type(error).__name__})"}
    with os.fdopen(answers, "w", encoding="utf-8") as out:
        out.write(json.dumps(answer))


def confine(limits: InquiryLimits) -> None:
    """Limit this process: time, memory, no files, no core dump."""
    try:
        import resource
    except ImportError:  # not a Unix: the wall clock limits it all the same
        return
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # macOS counts what is shared, and no process could start
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write is an error then, not the end


def check_limits(limits: InquiryLimits) -> None:
    """Refuse a file whose header claims too much, before any of it is decoded.

    Raises:
        TooMuchError: names the value and the limit.
    """
    from langit.release.headers import claimed_size

    claimed = claimed_size(FILE)
    if claimed is not None:
        limits.check_picture(*claimed)


def detect(home: Path, limits: InquiryLimits) -> dict[str, Any]:
    """What the file is, see ``langit.release.verify``, as far as a stranger may know."""
    from langit.inquiry.public import public_verdict
    from langit.release.credentials.identity import signing
    from langit.release.verify import verify

    check_limits(limits)
    return public_verdict(verify(FILE, home, signing(home)))


def looks(home: Path, limits: InquiryLimits) -> dict[str, Any]:
    """The file's hash and fingerprints, and the clips on record that look like it."""
    from langit.files import sha256

    answer: dict[str, Any] = {"sha256": sha256(FILE), "looks": [], "clips": {}, "not_compared": ""}
    check_limits(limits)
    try:
        from langit.curate.alike import sample_looks, similar_clips
    except ModuleNotFoundError as error:
        return answer | {"not_compared": f"looks were not compared: this server lacks {error.name}"}
    from langit.ledger.store import Ledger

    answer["looks"] = [
        {"whole": [b.hex() for b in one.whole], "inner": [b.hex() for b in one.inner]} for one in sample_looks(FILE)
    ]
    if (home / "ledger").is_dir():
        ledger = Ledger(home / "ledger")
        known = {clip.digest for clip in ledger.clips()}
        found = similar_clips(ledger.place, known, FILE) if known else {}
        answer["clips"] = {clip: {"share": match.share, "mirrored": match.mirrored} for clip, match in found.items()}
    return answer


TASKS = {"detect": detect, "looks": looks}

if __name__ == "__main__":
    main(sys.argv[1])
