"""Does prompt expansion help? Short prompts with and without it, judged by the probe on what each prompt asks for.

The same seeds make both videos. What a prompt leaves open is not judged. One thread; some six minutes on one core.

    python -m benchmarks.expansion [MODEL]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch

from langit.bundle import load_bundle
from langit.evaluate.figures.intervals import rate
from langit.evaluate.judges.probe import judge, load_probe
from langit.generate import Model, generate_many
from langit.studio.expanders import find_expander

SEEDS = (0, 1, 2)
BATCH = 8
GROUPS = ("English", "Indonesian", "other languages", "synonyms")
# group, prompt, what it asks for; written before any video was made
PROMPTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("English", "a red ball", {"shape": "ball", "colour": "red"}),
    ("English", "blue cube", {"shape": "cube", "colour": "blue"}),
    ("English", "a green cone on snow", {"shape": "cone", "colour": "green", "ground": "snow"}),
    ("English", "yellow ring at night", {"shape": "ring", "colour": "yellow", "sky": "night"}),
    ("English", "a white cylinder spins", {"shape": "cylinder", "colour": "white", "action": "spins"}),
    ("English", "an orange ball rolls left", {"shape": "ball", "colour": "orange", "action": "left"}),
    ("English", "purple cube jumping", {"shape": "cube", "colour": "purple", "action": "jumps"}),
    ("English", "a cone falls", {"shape": "cone", "action": "falls"}),
    ("English", "snow at sunset", {"ground": "snow", "sky": "sunset"}),
    ("English", "the camera zooms in on a ball", {"shape": "ball", "camera": "zoom in"}),
    ("Indonesian", "bola merah", {"shape": "ball", "colour": "red"}),
    ("Indonesian", "kubus biru jatuh", {"shape": "cube", "colour": "blue", "action": "falls"}),
    ("Indonesian", "kerucut hijau di salju", {"shape": "cone", "colour": "green", "ground": "snow"}),
    ("Indonesian", "cincin kuning malam hari", {"shape": "ring", "colour": "yellow", "sky": "night"}),
    ("Indonesian", "tabung putih berputar", {"shape": "cylinder", "colour": "white", "action": "spins"}),
    ("Indonesian", "bola oranye ke kiri", {"shape": "ball", "colour": "orange", "action": "left"}),
    ("Indonesian", "kubus ungu melompat", {"shape": "cube", "colour": "purple", "action": "jumps"}),
    ("Indonesian", "kerucut di pantai", {"shape": "cone", "ground": "sand"}),
    ("Indonesian", "senja di padang rumput", {"ground": "grass", "sky": "sunset"}),
    ("Indonesian", "kamera mendekat, bola biru", {"shape": "ball", "colour": "blue", "camera": "zoom in"}),
    ("other languages", "rote Kugel", {"shape": "ball", "colour": "red"}),
    ("other languages", "blauer Würfel fällt", {"shape": "cube", "colour": "blue", "action": "falls"}),
    ("other languages", "grüner Kegel im Schnee", {"shape": "cone", "colour": "green", "ground": "snow"}),
    ("other languages", "boule rouge sur la neige", {"shape": "ball", "colour": "red", "ground": "snow"}),
    ("other languages", "un anneau jaune la nuit", {"shape": "ring", "colour": "yellow", "sky": "night"}),
    ("other languages", "cube violet qui saute", {"shape": "cube", "colour": "purple", "action": "jumps"}),
    ("other languages", "cilindro blanco gira", {"shape": "cylinder", "colour": "white", "action": "spins"}),
    ("other languages", "pelota azul en la arena", {"shape": "ball", "colour": "blue", "ground": "sand"}),
    ("other languages", "bola vermelha ao pôr do sol", {"shape": "ball", "colour": "red", "sky": "sunset"}),
    ("other languages", "cono arancione sulla sabbia", {"shape": "cone", "colour": "orange", "ground": "sand"}),
    ("synonyms", "a crimson orb", {"shape": "ball", "colour": "red"}),
    ("synonyms", "navy crate tumbling down", {"shape": "cube", "colour": "blue", "action": "falls"}),
    ("synonyms", "an emerald cone on a frozen snowfield", {"shape": "cone", "colour": "green", "ground": "snow"}),
    ("synonyms", "lemon yellow donut at midnight", {"shape": "ring", "colour": "yellow", "sky": "night"}),
    ("synonyms", "a white pillar twirling", {"shape": "cylinder", "colour": "white", "action": "spins"}),
    ("synonyms", "an orange orb travels leftwards", {"shape": "ball", "colour": "orange", "action": "left"}),
    ("synonyms", "lilac dice hopping", {"shape": "cube", "colour": "purple", "action": "jumps"}),
    ("synonyms", "a cone on the beach at twilight", {"shape": "cone", "ground": "sand", "sky": "sunset"}),
    ("synonyms", "scarlet doughnut on a chessboard", {"shape": "ring", "colour": "red", "ground": "checkers"}),
    ("synonyms", "motionless azure sphere", {"shape": "ball", "colour": "blue", "action": "still"}),
)

Answers = dict[tuple[int, int], dict[str, bool]]  # by prompt's number and seed: attribute -> whether the video shows it


def ask(texts: Sequence[str], seed: int, model: Model) -> list[dict[str, bool]]:
    """For each prompt's video, which of the asked attributes the probe sees."""
    probe = load_probe()
    found = []
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        made = generate_many(part, model, seeds=[seed] * len(part))
        for verdict, (_, _, asked) in zip(
            judge(probe, [one.frames for one in made]), PROMPTS[start : start + BATCH], strict=True
        ):
            found.append({name: verdict.best(name) == value for name, value in asked.items()})
    return found


def answers(way: str, model: Model) -> Answers:
    """All prompts with all seeds, by the expander called ``way``."""
    expand = find_expander(way, model.text.vocabulary)
    found: Answers = {}
    for seed in SEEDS:
        texts = [expand(prompt, seed).text for _, prompt, _ in PROMPTS]
        found |= {(number, seed): one for number, one in enumerate(ask(texts, seed, model))}
    return found


def table(found: dict[str, Answers]) -> list[str]:
    """Rows of a Markdown table: each group, then each attribute, then everything that a prompt asks at once."""

    def told(name: str, pick: dict[str, list[bool]]) -> str:
        return f"| {name} | " + " | ".join(str(rate(pick[way])) for way in found) + " |"

    rows = ["| | " + " | ".join(found) + " |", "| --- |" + " --- |" * len(found)]
    for group in GROUPS:
        numbers = [number for number, (other, _, _) in enumerate(PROMPTS) if other == group]
        right = {
            way: [ok for n in numbers for seed in SEEDS for ok in one[n, seed].values()] for way, one in found.items()
        }
        rows.append(told(group, right))
    for name in ("shape", "colour", "action", "ground", "sky", "camera"):
        right = {way: [a[name] for a in one.values() if name in a] for way, one in found.items()}
        rows.append(told(name, right))
    rows.append(
        told("**all attributes**", {way: [ok for a in one.values() for ok in a.values()] for way, one in found.items()})
    )
    rows.append(
        told("everything asked at once", {way: [all(a.values()) for a in one.values()] for way, one in found.items()})
    )
    return rows


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="pocket")
    model = Model.of(load_bundle(parser.parse_args().model))
    found = {way: answers(way, model) for way in ("off", "embedded")}
    for row in table(found):
        print(row)


if __name__ == "__main__":
    main()
