"""Samples in VBench's layout: names, the door, what is refused, and folders that hold something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.conftest import model

from langit import video
from langit.evaluate.vbench import check_prompts, export_samples, sample_name
from langit.release.credentials.read import read

__all__ = ["model"]
PROMPTS = ["a red ball bounces on snow", "a person is beheading a man", "a red ball bounces on snow"]


def test_samples_lie_where_vbench_looks_and_left_by_the_door(model: Path, tmp_path: Path) -> None:
    folder, told = tmp_path / "samples", list[tuple[int, int]]()
    done = export_samples(
        str(model), PROMPTS, folder, samples=2, device="cpu", progress=lambda _, at, of: told.append((at, of))
    )
    names = [sample_name(PROMPTS[0], index) for index in range(2)]
    assert done.videos == names == ["a red ball bounces on snow-0.mp4", "a red ball bounces on snow-1.mp4"]
    assert sorted(path.name for path in (folder / "videos").iterdir()) == names and told == [(1, 4), (2, 4)]
    assert set(done.refused) == {PROMPTS[1]} and "violence" in done.refused[PROMPTS[1]]
    for name in names:
        assert read(folder / "videos" / name) is not None and len(video.read(folder / "videos" / name)) == 9
    assert (folder / "prompts.txt").read_text() == "".join(f"{prompt}\n" for prompt in dict.fromkeys(PROMPTS))
    assert json.loads((folder / "prompts.json").read_text()) == dict.fromkeys(names, PROMPTS[0])
    facts = json.loads((folder / "export.json").read_text())
    assert facts["samples"] == 2 and facts["digest"].startswith("sha256:") and facts["refused"] == done.refused
    before = (folder / "videos" / names[0]).read_bytes()
    (folder / "videos" / names[1]).unlink()  # stopped before the second: it is made again, the first is not
    again = export_samples(str(model), PROMPTS, folder, samples=2, device="cpu")
    assert again.videos == names and (folder / "videos" / names[0]).read_bytes() == before
    with pytest.raises(ValueError, match="holds samples with seeds 0, and these have 7: name another folder"):
        export_samples(str(model), PROMPTS, folder, samples=2, seed=7, device="cpu")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(ValueError, match="holds other files"):
        export_samples(str(model), PROMPTS, tmp_path / "mine", device="cpu")


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ([], "no prompts to export"),
        (["black and/or white"], "have no slash"),
        (["a very long sentence " * 13], "file systems take 255"),
        (["kata " * 50 + "é"], "file systems take 255"),
    ],
)
def test_prompts_that_cannot_name_a_file_are_refused_before_a_model_is_opened(prompts: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_prompts(prompts, 5)
