"""Does prompt expansion help? Short prompts with and without it, judged by the probe on what each prompt asks for.

Both videos of a prompt have the same seed. What a prompt leaves open is not judged. Takes six minutes on one core.

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

Verdicts = dict[
    tuple[int, int], dict[str, bool]
]  # by prompt's number and seed: attribute -> whether the video shows it


def judge_videos(texts: Sequence[str], seed: int, model: Model) -> list[dict[str, bool]]:
    """Generate a video of every text; for each, which of the requested attributes the probe sees."""
    probe = load_probe()
    verdicts = []
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        videos = generate_many(part, model, seeds=[seed] * len(part))
        judged = judge(probe, [video.frames for video in videos])
        for verdict, (_, _, wanted) in zip(judged, PROMPTS[start : start + BATCH], strict=True):
            verdicts.append({name: verdict.best(name) == value for name, value in wanted.items()})
    return verdicts


def judge_expander(name: str, model: Model) -> Verdicts:
    """All prompts with all seeds, rewritten by one expander."""
    expand = find_expander(name, model.text.vocabulary)
    verdicts: Verdicts = {}
    for seed in SEEDS:
        texts = [expand(prompt, seed).text for _, prompt, _ in PROMPTS]
        verdicts |= {(number, seed): one for number, one in enumerate(judge_videos(texts, seed, model))}
    return verdicts


def table(verdicts: dict[str, Verdicts]) -> list[str]:
    """Rows of a Markdown table: each group, each attribute, then everything that a prompt requests at once."""

    def row(name: str, shown: dict[str, list[bool]]) -> str:
        return f"| {name} | " + " | ".join(str(rate(shown[expander])) for expander in verdicts) + " |"

    rows = ["| | " + " | ".join(verdicts) + " |", "| --- |" + " --- |" * len(verdicts)]
    for group in GROUPS:
        numbers = [number for number, (other, _, _) in enumerate(PROMPTS) if other == group]
        rows.append(
            row(
                group,
                {
                    expander: [ok for number in numbers for seed in SEEDS for ok in by_prompt[number, seed].values()]
                    for expander, by_prompt in verdicts.items()
                },
            )
        )
    for name in ("shape", "colour", "action", "ground", "sky", "camera"):
        rows.append(
            row(name, {expander: [v[name] for v in of.values() if name in v] for expander, of in verdicts.items()})
        )
    everything = {expander: [ok for v in of.values() for ok in v.values()] for expander, of in verdicts.items()}
    rows.append(row("**all attributes**", everything))
    at_once = {expander: [all(v.values()) for v in of.values()] for expander, of in verdicts.items()}
    rows.append(row("everything requested at once", at_once))
    return rows


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="pocket")
    model = Model.of(load_bundle(parser.parse_args().model))
    verdicts = {name: judge_expander(name, model) for name in ("off", "embedded")}
    for line in table(verdicts):
        print(line)


if __name__ == "__main__":
    main()
