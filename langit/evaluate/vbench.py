"""Samples in the layout that VBench reads: ``videos/{prompt}-{index}.mp4``, each of which left through the door.

VBench (Huang et al. 2024) finds the videos of its own prompts by these names (mode ``vbench_standard``), and those of
other prompts by ``prompts.json`` (mode ``custom_input``). Its networks are not installed here. What is exported counts
as released: gates, watermark, credentials and ledger entry are those of every other video, and what a gate refuses is
listed, not left out silently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from langit import config
from langit.files import atomic_write
from langit.release import Refused
from langit.studio import Studio
from langit.studio.options import Quality

SAMPLES: Final = 5  # of each prompt, as VBench asks for
LONGEST_NAME: Final = 255  # bytes of a file's name
SUFFIX: Final = ".mp4"
FACTS: Final = "export.json"


@dataclass
class SampleExport:
    """What lies in a folder of samples. Field names are keys of export.json.

    seeds: sample i of every prompt is made with seed ``seeds + i``.
    refused: prompts of which no video, or not every video, could be made, with the reason.
    """

    model: str
    digest: str
    quality: str
    samples: int
    seeds: int
    prompts: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def check_prompts(prompts: Sequence[str], samples: int) -> list[str]:
    """The prompts, each once, after checking that each can be a file's name.

    Raises:
        ValueError: there is none, or one cannot name a file.
    """
    unique = list(dict.fromkeys(prompts))
    if not unique:
        raise ValueError("there are no prompts to export: give a file with one on each line")
    for prompt in unique:
        if "/" in prompt or "\0" in prompt or "\n" in prompt:
            raise ValueError(f"prompt {prompt!r} cannot name a file: VBench's names have no slash and no line break")
        name = sample_name(prompt, samples - 1)
        if len(name.encode()) > LONGEST_NAME:
            raise ValueError(
                f"prompt {prompt[:60]!r}… makes a name of {len(name.encode())} bytes, and file systems take"
                f" {LONGEST_NAME}: shorten it"
            )
    return unique


def sample_name(prompt: str, index: int) -> str:
    """The name by which VBench finds sample ``index`` of a prompt."""
    return f"{prompt}-{index}{SUFFIX}"


def export_samples(
    model: str,
    prompts: Sequence[str],
    folder: Path,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    quality: Quality = "fast",
    device: str = "auto",
    dtype: str = "auto",
    progress: Callable[[str, int, int], None] = lambda *_: None,
    open_studio: Callable[..., Studio] = Studio,
) -> SampleExport:
    """Make every sample that is not there yet, and write prompts.txt, prompts.json and export.json beside the videos.

    A run that was stopped goes on where it was.

    Args:
        model: a model's name, or a bundle's folder.
        prompts: sentences; each names its files.
        folder: created if it is missing.
        samples: videos of each prompt.
        seed: of the first sample of each prompt; the next ones count on.
        quality: see :class:`langit.studio.StudioOptions`.
        device: where to generate.
        dtype: the precision.
        progress: called with a stage, how many videos are there, and of how many.
        open_studio: opens the model.

    Raises:
        ValueError: a prompt cannot name a file, or the folder holds samples of another model or other settings.
        OSError: the folder cannot be written.
    """
    unique = check_prompts(prompts, samples)
    studio = open_studio(model, device=device, dtype=dtype)
    export = SampleExport(
        studio.bundle.provenance.model, studio.bundle.provenance.digest, quality, samples, seed, unique
    )
    _check_folder(folder, export)
    videos = folder / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    _write(folder, export)  # before the first video: whoever finds the folder knows what is in it
    for done, prompt in enumerate(unique):
        for index in range(samples):
            path = videos / sample_name(prompt, index)
            if not path.exists():
                try:
                    studio.generate(
                        prompt, seed=seed + index, output=path, quality="full" if quality == "full" else None
                    )
                except (Refused, ValueError) as error:
                    export.refused[prompt] = str(error)
                    break
            export.videos.append(path.name)
            progress("samples", done * samples + index + 1, len(unique) * samples)
        _write(folder, export)
    return export


def _check_folder(folder: Path, wanted: SampleExport) -> None:
    path = folder / FACTS
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(f"{folder} holds other files, and no {FACTS}: name an empty folder")
        return
    plain: Mapping[str, object] = config.parse_json(path.read_bytes(), str(path))
    for name in ("digest", "quality", "seeds"):
        if plain.get(name) != getattr(wanted, name):
            raise ValueError(
                f"{folder} holds samples with {name} {plain.get(name)}, and these have {getattr(wanted, name)}: name"
                " another folder"
            )


def _write(folder: Path, export: SampleExport) -> None:
    named = {name: name.removesuffix(SUFFIX).rpartition("-")[0] for name in export.videos}
    for name, text in (
        ("prompts.txt", "".join(f"{prompt}\n" for prompt in export.prompts)),
        ("prompts.json", json.dumps(named, indent=1, ensure_ascii=False) + "\n"),
        (FACTS, json.dumps(asdict(export), indent=1, ensure_ascii=False) + "\n"),
    ):
        with atomic_write(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
