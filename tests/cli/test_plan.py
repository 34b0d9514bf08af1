"""`langit plan --model`: what it prints and refuses."""

import json

import pytest

from langit.cli.entry import main


def _run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["plan", *arguments])
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def test_a_video_of_a_model_that_is_here(capsys):
    code, out, _ = _run(capsys, "--model", "pocket", "--device", "cpu", "--json")
    planned = json.loads(out)
    assert code == 0 and planned["size"] == "128x128x33" and planned["tokens"] == 576
    assert planned["fits"] and planned["memory"] > planned["process"] > 0
    assert [phase["name"] for phase in planned["phases"]] == ["text encoding", "denoising (transformer)", "decoding"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either a recipe"),
        (("pocket", "--model", "pocket"), "give either a recipe"),
        (("--model", "nobody/nothing"), "no repository that is known"),
        (("--model", "pocket", "--device", "TPU"), "'TPU' is not in the table"),
        (("--model", "pocket", "--offload", "most"), "offload 'most' is unknown"),
        (("--model", "pocket", "--weights", "int4"), "weights 'int4' are unknown"),
        (("--model", "pocket", "--size", "70x64"), "width 70 is not a multiple of 16 for pocket: use 64 or 80"),
        (("--model", "pocket", "--size", "100x100"), "width 100 is not a multiple of 16 for pocket: use 96 or 112"),
        (("--model", "pocket", "--guidance", "nan"), "--guidance nan is not a number"),
        (("--model", "Wan-AI/Wan2.2-TI2V-5B-Diffusers", "--size", "1280x720"), "height 720 is not a multiple of 32"),
        (("--model", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "--frames", "80"), "multiple of 4 for Wan-AI/Wan2.1-T2V-1.3B"),
        (("--model", "pocket", "--device", "H1000"), "'H1000' is not in the table"),
        (("--model", ""), "the model's name is empty"),
        (("--model", "pocket", "--frames", "9", "--seconds", "2"), "exclude each other"),
    ],
)
def test_what_cannot_be_planned(capsys, arguments, message):
    code, _, err = _run(capsys, *arguments)
    assert code == 2 and message in err and err.count("\n") == 1
