#!/usr/bin/env python3
"""Fifteen minutes of a GPU, from a parcel to a model: pack, unpack, smoke, run, bring back, join.

    scripts/gpu.py pack -o parcel                 here: the tree and what it needs, in files of at most 16 MiB
    python3 gpu.py unpack parcel -o langit        there: checked by digest, installed beside the torch that is there
    scripts/gpu.py run -o out/gpu                 there: smoke (a minute), then pocket by the clock, then the results
    scripts/gpu.py join out/gpu/parts -o back     here: checked by digest, and the bundle checked by langit

It needs Python's standard library alone, so that it runs before anything is installed. docs/gpu.md tells the whole way.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from travel import PART, TravelError, digest, join, split

TREE = Path(__file__).resolve().parent.parent
THERE = "torch,numpy,safetensors,tokenizers,transformers,huggingface_hub,pyarrow,pillow,jaxtyping,rich,typer,filelock"
NEEDED = "av,c2pa-python,cryptography,mujoco,obstore,platformdirs,pylance,license-expression"
"""What training takes beside what a machine with torch usually has: plain names, with the pins of constraints.txt."""
LEFT_OUT = ("docs/pictures/", "tests/", "benchmarks/", "langit/weights/")
MODEL = "langit/weights/pocket/"
SAY_EVERY = 15.0  # seconds between two lines about a run
QUIET = 240.0  # seconds without a word of the run, after which its silence is said


def say(*words: object) -> None:
    """A line with the time, at once."""
    sys.stdout.write(" ".join([f"[{time.strftime('%H:%M:%S')}]", *map(str, words)]) + "\n")
    sys.stdout.flush()


# ---- here: what travels --------------------------------------------------------------------------------------------
def tracked(tree: Path, model: bool) -> Iterator[Path]:
    """The files of the tree that training takes, and the model that ships where a run is to go on from it."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=tree, check=True, capture_output=True).stdout
    for name in names.decode().split("\0"):
        wanted = not name.startswith(LEFT_OUT) or (model and name.startswith(MODEL))
        if name and wanted and (tree / name).is_file():
            yield Path(name)


def pins(tree: Path, names: Sequence[str]) -> list[str]:
    """NAME==VERSION of each, by constraints.txt."""
    known = {}
    for line in (tree / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, equal, version = line.partition("#")[0].strip().partition("==")
        if equal:
            known[plain(name)] = version.strip()
    missing = [name for name in names if plain(name) not in known]
    if missing:
        raise TravelError(f"constraints.txt has no version of {', '.join(missing)}: name packages that it pins")
    return [f"{name}=={known[plain(name)]}" for name in names]


def plain(name: str) -> str:
    """A package's name as all ways of writing it are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def download(wanted: Sequence[str], there: Sequence[str], python: str, tree: Path, folder: Path) -> None:
    """Fetch wheels of what is wanted and of what it needs, for that Python on x86-64, without what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in (39, 35, 34, 31, 28, 27, 24, 17, 12, 5)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--python-version", python]
    command += ["--implementation", "cp", "--disable-pip-version-check", "-c", str(tree / "constraints.txt")]
    command += [word for platform in platforms for word in ("--platform", platform)]
    if there:  # their needs are there as well
        command.append("--no-deps")
        wanted = [*wanted, *pins(tree, _needs_of(wanted, there, python))]
    done = subprocess.run([*command, "-d", str(folder), *wanted], check=False, capture_output=True, text=True)
    if done.returncode:
        raise TravelError(
            f"pip could not fetch the wheels: {done.stderr.strip().splitlines()[-1:] or 'no reason given'}"
        )


def _needs_of(wanted: Sequence[str], there: Sequence[str], python: str) -> list[str]:
    """All packages that the wanted ones need, as they are installed here, without those that are there."""
    from importlib.metadata import PackageNotFoundError, requires

    from packaging.requirements import Requirement

    on = {"extra": "", "python_version": python, "platform_system": "Linux", "sys_platform": "linux"}
    seen = {plain(name) for name in there} | {plain(name.partition("==")[0]) for name in wanted}
    found, todo = [], [name.partition("==")[0] for name in wanted]
    while todo:
        try:
            lines = requires(todo.pop()) or []
        except PackageNotFoundError as error:
            raise TravelError(
                f"{error} is not installed here: run this with the project's own .venv/bin/python"
            ) from error
        for need in map(Requirement, lines):
            if plain(need.name) not in seen and (need.marker is None or need.marker.evaluate(on)):
                seen.add(plain(need.name))
                found.append(need.name)
                todo.append(need.name)
    return found


def pack(arguments: argparse.Namespace) -> None:
    """Write the parcel: this script, the tree, the wheels, and what they are."""
    out: Path = arguments.output
    there = [name for name in arguments.there.split(",") if name]
    wanted = [name for name in arguments.need.split(",") if name]
    out.mkdir(parents=True, exist_ok=True)
    wheels = out / ".wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir()
    if wanted and not arguments.plan:
        say("fetching wheels of", ", ".join(wanted), f"for Python {arguments.python} on x86-64")
        download(pins(arguments.tree, wanted), there, arguments.python, arguments.tree, wheels)
    (wheels / "requirements.txt").write_text(
        "".join(f"./{file.name} --hash=sha256:{digest(file)}\n" for file in sorted(wheels.glob("*.whl"))),
        encoding="utf-8",
    )
    plan = {
        "python": arguments.python,
        "there": there,
        "need": pins(arguments.tree, wanted) if wanted else [],
        "fetched": not arguments.plan,
        "cache": arguments.cache is not None,
    }
    (wheels / "plan.json").write_text(json.dumps(plan, indent=1), encoding="utf-8")
    kept = [(arguments.tree / name, str(name)) for name in tracked(arguments.tree, arguments.model)]
    parts = split("tree", kept, out, arguments.part)
    parts += split("wheels", [(wheels, "wheels")], out, arguments.part)
    if arguments.cache is not None:
        parts += split("compiled", [(arguments.cache, "compiled")], out, arguments.part)
    for script in ("gpu.py", "travel.py"):
        shutil.copy2(Path(__file__).with_name(script), out / script)
    shutil.rmtree(wheels)
    total = sum(int(str(part["bytes"])) for part in parts)
    say(f"{out}: {len(parts)} files of at most {arguments.part:g} MiB, {total / 2**20:.1f} MiB in all; over there:")
    say(f"  python3 {out.name}/gpu.py unpack {out.name} -o langit && cd langit && scripts/gpu.py run -o out/gpu")


# ---- there: install, try, train, bring back ------------------------------------------------------------------------
def unpack(arguments: argparse.Namespace) -> None:
    """Unpack a parcel and install it beside the torch that is there."""
    into: Path = arguments.output
    say("unpacked", ", ".join(join(arguments.parcel, into)), "into", into)
    python = into / ".venv" / "bin" / "python"
    if not python.exists():
        run_or_fail(
            [sys.executable, "-m", "venv", "--system-site-packages", str(into / ".venv")], "make an environment"
        )
    listed = into / "wheels" / "requirements.txt"
    if listed.read_text(encoding="utf-8").strip():
        pip = [str(python), "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--require-hashes"]
        run_or_fail([*pip, "-r", listed.name], "install the wheels", cwd=listed.parent)
    # The tree itself is found by a path file: building it would take a backend that may not be there.
    where = subprocess.run(
        [str(python), "-c", "import site; print(site.getsitepackages()[0])"], check=True, capture_output=True, text=True
    ).stdout.strip()
    Path(where, "langit-tree.pth").write_text(f"{into.resolve()}\n", encoding="utf-8")
    run_or_fail([str(python), "-c", "import langit.recipes"], "import the tree")
    say("ready: cd", into, "&& scripts/gpu.py run -o out/gpu")


def run_or_fail(command: Sequence[str], what: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise TravelError(f"cannot {what}: {last}")


def interpreter() -> str:
    own = TREE / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def smoke(arguments: argparse.Namespace) -> None:
    """A minute: the device, drawing, and the whole road in miniature."""
    began = time.monotonic()
    check = (
        "import sys, torch; from langit.device import Placement; p = Placement.choose(sys.argv[1], 'auto');"
        " x = torch.randn(512, 512, device=p.device, dtype=p.dtype); (x @ x).sum().item(); p.synchronize();"
        " print(p.name, 'torch', torch.__version__, 'computes in', p.dtype)"
    )
    done = subprocess.run(
        [interpreter(), "-c", check, arguments.device], check=False, capture_output=True, text=True, cwd=TREE
    )
    if done.returncode:
        raise TravelError(f"device {arguments.device}: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
    say(done.stdout.strip())
    home = arguments.output / "smoke"
    shutil.rmtree(home, ignore_errors=True)
    words = ["train", "tiny-gpu", "--device", arguments.device, "--deadline", f"{arguments.smoke:g}"]
    watch([*words, "--workers", str(arguments.workers)], home, arguments.output / "smoke.log", arguments.smoke + 60)
    check_bundle(home / "models" / "tiny-gpu", home)
    say(f"smoke passed in {time.monotonic() - began:.0f} s")


def check_bundle(folder: Path, home: Path) -> None:
    done = subprocess.run(
        [interpreter(), "-m", "langit", "bundle", "check", str(folder.resolve())],
        check=False,
        capture_output=True,
        text=True,
        cwd=TREE,
        env={**os.environ, "LANGIT_HOME": str(home.resolve())},
    )
    if done.returncode:
        raise TravelError(f"{folder} is no bundle that holds: {(done.stdout + done.stderr).strip().splitlines()[-1]}")
    say(f"{folder} is a bundle and holds")


def watch(words: Sequence[str], home: Path, log: Path, limit: float) -> None:
    """Run langit and tell how it goes; fail with its last lines as soon as it fails, and end it when time is over.

    Raises:
        TravelError: it ended with an error, or had to be ended.
    """
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "LANGIT_HOME": str(home.resolve()), "PYTHONUNBUFFERED": "1"}
    compiled = TREE / "compiled"  # what an earlier run compiled, if it came along
    if compiled.is_dir() and not (home / "compiled").exists():
        shutil.copytree(compiled, home / "compiled")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [interpreter(), "-m", "langit", *words], stdout=out, stderr=out, cwd=TREE, env=environment
        )
    say("langit", *words, f"(process {process.pid}, log {log})")
    end, told, grown, size, ending = time.monotonic() + limit, time.monotonic(), time.monotonic(), 0, 0
    try:
        while process.poll() is None:
            time.sleep(0.2)
            now = time.monotonic()
            if log.stat().st_size != size:
                size, grown = log.stat().st_size, now
            if now - told >= SAY_EVERY:
                told = now
                silent = f" (silent for {now - grown:.0f} s)" if now - grown > QUIET else ""
                say(last_lines(log, 1) + silent)
            if now >= end + 20 * ending:  # it ends by itself; else it is asked to, and then made to
                say("time is over: it is", "asked to end" if ending == 0 else "ended")
                process.send_signal(signal.SIGTERM if ending == 0 else signal.SIGKILL)
                ending += 1
    except BaseException:
        process.terminate()
        process.wait(timeout=30)
        raise
    if process.returncode:
        raise TravelError(f"langit {words[0]} {words[1]} ended with {process.returncode}:\n{last_lines(log, 12)}")


def last_lines(log: Path, count: int) -> str:
    """The last lines of a log, of which progress bars rewrite the last."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8_192))
        text = file.read().decode("utf-8", "replace").replace("\r", "\n")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-count:]) or "nothing was said yet"


def run(arguments: argparse.Namespace) -> None:
    """Smoke, the run by the clock, and the results in parts, also when it fails: then what there is to go on from."""
    out: Path = arguments.output
    out.mkdir(parents=True, exist_ok=True)
    if arguments.smoke:
        smoke(arguments)
    home = out / "home"
    began = (home / "runs").exists()
    words = ["train", arguments.recipe, "--device", arguments.device, "--deadline", f"{arguments.seconds:g}"]
    words += ["--workers", str(arguments.workers), *arguments.changes]
    words += ["--resume"] if began else []
    words += ["--from", arguments.go_on_from] if arguments.go_on_from else []
    words += ["--graphs"] if arguments.graphs else []
    words += ["--profile", str((home / "profile").resolve())] if arguments.profile else []
    try:
        watch(words, home, out / "run.log", arguments.seconds + arguments.grace)
    finally:
        bring_back(out, home, arguments.part)
    for bundle in sorted((home / "models").glob("*/")):
        check_bundle(bundle, home)


def bring_back(out: Path, home: Path, part: float) -> None:
    """Everything but the films and the latents: bundle, record, checkpoints, what was compiled, logs."""
    parts = []
    for name, kept in (
        ("bundle", "models"),
        ("record", "ledger"),
        ("profile", "profile"),
        ("compiled", "compiled"),
        ("runs", "runs"),
    ):
        there = [(home / kept, kept)] if (home / kept).exists() else []
        if name == "runs":
            files = [path for path in (home / kept).rglob("*") if path.is_file()]
            # Weights of checkpoints are many times the bundle: they travel where there is no bundle to go on from.
            if (home / "models").exists():
                files = [path for path in files if path.suffix != ".safetensors"]
            there = [(path, str(path.relative_to(home))) for path in files]
            there += [(log, log.name) for log in (out / "run.log", out / "smoke.log") if log.exists()]
        if there:
            parts += split(name, there, out / "parts", part)
    total = sum(int(str(each["bytes"])) for each in parts)
    say(f"{out / 'parts'}: {len(parts)} files of at most {part:g} MiB, {total / 2**20:.1f} MiB in all; next, at home:")
    say("  scripts/gpu.py join parts -o back   (bundle first: --only bundle)")


def bring_home(arguments: argparse.Namespace) -> None:
    """Join what came back, and check the bundles."""
    names = [name for name in arguments.only.split(",") if name]
    say("joined", ", ".join(join(arguments.parts, arguments.output, names)), "into", arguments.output)
    for bundle in sorted((arguments.output / "models").glob("*/")):
        check_bundle(bundle, arguments.output)


def read_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    one = verbs.add_parser("pack", help="write the parcel")
    one.set_defaults(do=pack)
    one.add_argument("-o", "--output", type=Path, default=Path("out/parcel"))
    one.add_argument("--tree", type=Path, default=TREE)
    one.add_argument("--python", default="3.12", help="of the machine with the GPU")
    one.add_argument("--there", default="torch," + THERE, help="packages that it has already")
    one.add_argument("--need", default=NEEDED, help="packages that travel, with what they need")
    one.add_argument("--model", action="store_true", help="the model that ships as well, to go on from")
    one.add_argument("--plan", action="store_true", help="fetch nothing: the other machine installs from a registry")
    one.add_argument("--cache", type=Path, help="a folder of compiled graphs that an earlier run brought back")
    two = verbs.add_parser("unpack", help="unpack and install a parcel")
    two.set_defaults(do=unpack)
    two.add_argument("parcel", type=Path)
    two.add_argument("-o", "--output", type=Path, default=Path("langit"))
    for name, do, does in (("smoke", smoke, "a minute of everything"), ("run", run, "smoke, train, bring back")):
        three = verbs.add_parser(name, help=does)
        three.set_defaults(do=do)
        three.add_argument("-o", "--output", type=Path, default=Path("out/gpu"))
        three.add_argument("--device", default="cuda")
        three.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
        three.add_argument("--smoke", type=float, default=45.0, metavar="SECONDS", help="for the smoke run; 0 for none")
        if name == "run":
            three.add_argument("--recipe", default="pocket")
            three.add_argument("--seconds", type=float, default=660.0, help="until the bundle is on disk")
            three.add_argument("--grace", type=float, default=40.0, help="seconds after which it is ended")
            three.add_argument("--from", dest="go_on_from", default="", help="go on from this model")
            three.add_argument("--graphs", action="store_true", help="CUDA graphs of the common shapes")
            three.add_argument("--no-profile", dest="profile", action="store_false", help="record no steps")
            three.add_argument("changes", nargs="*", metavar="KEY=VALUE", help="changes to the recipe")
    four = verbs.add_parser("join", help="join what came back")
    four.set_defaults(do=bring_home)
    four.add_argument("parts", type=Path)
    four.add_argument("-o", "--output", type=Path, default=Path("out/back"))
    four.add_argument("--only", default="", help="archives, for example bundle,record")
    for verb in (one, *[each for each in verbs.choices.values() if each.prog.endswith("run")]):
        verb.add_argument("--part", type=float, default=PART, metavar="MIB", help="the largest file")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    arguments = read_arguments(words)
    try:
        arguments.do(arguments)
    except TravelError as error:
        say("FAILED:", error)
        return 1
    except (OSError, subprocess.SubprocessError) as error:
        say("FAILED:", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
