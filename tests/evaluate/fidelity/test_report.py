"""The main report on a tiny, untrained bundle: its figures, and the files that it writes."""

import json
import math
from importlib import util
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from langit import config
from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.bundle import ExposureRecord, LedgerState, Parts, Provenance, TrainingRecord, save_bundle
from langit.evaluate import films
from langit.evaluate import report as runner
from langit.evaluate.fidelity import report as reports
from langit.evaluate.fidelity.report import FidelityReport, evaluate_fidelity, measure, pictures, trained_worlds
from langit.evaluate.films import render_frames
from langit.evaluate.judges.probe import Probe, ProbeConfig
from langit.evaluate.report import write_report
from langit.generate import Model, SamplingConfig
from langit.shapes import PixelShape
from langit.text.encoder import TextConfig, TextEncoder
from langit.text.tokenizer import train_tokenizer
from langit.transformer.model import TransformerConfig, VideoTransformer
from langit.worlds.caption import prompts

SMALL = ProbeConfig(frames=5, fine_width=8, width=16, blocks=2, looks=2, memory=16)
PIXELS = PixelShape(frames=5, height=32, width=32)


def parts() -> Parts:
    tokenizer = train_tokenizer([prompt.text for prompt in prompts("train", 20)])
    sizes = TextConfig(vocab_size=tokenizer.get_vocab_size(), d_model=32, d_kv=16, num_heads=2, d_ff=48, num_layers=1)
    network = TransformerConfig(
        num_attention_heads=2, attention_head_dim=16, text_dim=32, freq_dim=32, ffn_dim=48, num_layers=2
    )
    coder = AutoencoderConfig(fine_width=8, coarse_width=16, encoder_blocks=(1, 1), decoder_blocks=(1, 1))
    sampling = config.dump(SamplingConfig(steps=2, guidance=2.0))
    return Parts(VideoTransformer(network), Autoencoder(coder), TextEncoder(sizes, tokenizer), sampling, (PIXELS,))


def model() -> Model:
    made = parts()
    sampling = config.load(SamplingConfig, dict(made.sampling))
    return Model(made.transformer.eval(), made.autoencoder.eval(), made.text.eval(), sampling, made.sizes)


def quiet(stage: str, done: int, of: int) -> None:
    pass


@pytest.fixture(scope="module")
def measured() -> tuple[FidelityReport, tuple]:
    torch.manual_seed(0)

    worlds = ("worlds-1", "story-1")
    return measure(model(), "tiny", render_frames, Probe(SMALL).eval(), 6, 2, 2, lambda stage, done, of: None, worlds)


@pytest.mark.draws
def test_figures_count_all_videos(measured: tuple[FidelityReport, tuple]) -> None:
    report, shown = measured
    assert report.size == "32x32x5"
    assert {world: one.films for world, one in report.reconstruction.items()} == {"worlds-1": 2, "story-1": 2}
    assert report.fidelity.rows["sky"].made.of == 12
    assert report.fidelity.rows["sky"].real.of == 6
    assert report.speed.ratio == pytest.approx(report.speed.seconds / (5 / 8))
    assert len(shown) == 6
    assert shown[0].frames.shape == (5, 32, 32, 3)


@pytest.mark.draws
def test_files_agree_with_the_report(measured: tuple[FidelityReport, tuple], tmp_path: Path) -> None:
    report, shown = measured
    folder = tmp_path
    write_report(report, pictures(report, shown), "report", folder, 8.0)
    left = {"report.json", "report.md", "first.png", "first.webp", "confusions.png"}
    assert {path.name for path in folder.iterdir()} == left
    with Image.open(folder / "first.webp") as moving:
        assert (moving.n_frames, moving.size) == (5, (8 * 32 * 2, 32 * 2))
    plain = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    row = report.fidelity.rows["action"]
    assert plain["fidelity"]["rows"]["action"]["made"]["right"] == row.made.right
    assert not any(isinstance(value, float) and math.isnan(value) for value in plain["fidelity"].values())
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert f"| action | {row.made} | {row.real} | {row.shuffled} |" in page
    for world, one in report.reconstruction.items():
        assert f"| {world} | 2 | {one.psnr:.2f} |" in page and plain["reconstruction"][world]["psnr"] == one.psnr
    for name in ("first.png", "confusions.png"):
        with Image.open(folder / name) as picture:
            assert picture.width > 200
    assert report.table().row_count == len(report.fidelity.rows)


@pytest.mark.draws
def test_a_bundle_is_evaluated_by_its_folder(
    measured: tuple[FidelityReport, tuple], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = parts()
    bundle = tmp_path / "tiny"
    provenance = Provenance(
        model="tiny",
        version="1",
        code_version="abc",
        recipe={"name": "tiny"},
        ledger=LedgerState("test", 0, "00" * 32),
        training={"transformer": TrainingRecord(1.0, 1.0, "cpu")},
        exposure={"transformer": ExposureRecord("00" * 32, 0, 0)},
    )
    save_bundle(bundle, made, provenance)
    monkeypatch.setattr(reports, "load_probe", lambda placement: Probe(SMALL).eval())
    stages: list[str] = []
    report = evaluate_fidelity(
        str(bundle),
        prompts=2,
        seeds=1,
        films=1,
        folder=tmp_path / "out",
        progress=lambda stage, done, of: stages.append(stage),
        changes=("sampling.steps=1",),
    )
    assert report.model == "tiny" and report.sampling["steps"] == 1
    assert {"films of worlds-1 to reconstruct", "reconstruction of worlds-1", "prompts", "real films"} <= set(stages)
    assert (tmp_path / "out" / "report.md").is_file()


def test_the_worlds_of_a_recipe_come_from_all_its_stages() -> None:
    later = [{"films": [{"size": "64x64x17"}, {"world": "behind-1"}]}]
    assert trained_worlds({"autoencoder_stages": [{"films": [{"world": "story-1"}]}], "stages": later}) == (
        "worlds-1",
        "story-1",
        "behind-1",
    )
    assert trained_worlds({"stages": [{"films": [{"world": "worlds-99"}]}]}) == trained_worlds({}) == ("worlds-1",)


def test_unknown_model_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="giraffe"):
        evaluate_fidelity("giraffe", prompts=2, seeds=1, folder=tmp_path / "out", progress=lambda stage, done, of: None)
    assert not (tmp_path / "out").exists()


def test_a_missing_renderer_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "find_spec", lambda name: None if name == "mujoco" else util.find_spec(name))
    with pytest.raises(ValueError, match=r"pip install .*\[worlds\]"):
        evaluate_fidelity("pocket", prompts=2, seeds=1, folder=tmp_path / "out", progress=lambda stage, done, of: None)


@pytest.mark.parametrize(("prompts_", "seeds", "what"), [(1, 3, "1 prompts cannot"), (2, 0, "0 seeds make no video")])
def test_too_few_prompts_or_seeds_are_refused_before_the_model_is_opened(
    prompts_: int, seeds: int, what: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=what):
        evaluate_fidelity(
            "giraffe", prompts=prompts_, seeds=seeds, folder=tmp_path / "out", progress=lambda *stage: None
        )
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_reported_before_measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir / "tmp"))

    def measured_too_early(*given: object) -> None:
        raise AssertionError("measured before the folder was tried")

    opened = SimpleNamespace(provenance=SimpleNamespace(model="tiny"), fps=8.0)
    monkeypatch.setattr(runner, "load_bundle", lambda *given: opened)
    monkeypatch.setattr(runner.Model, "of", lambda bundle: SimpleNamespace(override=lambda changes: None))
    monkeypatch.setattr(reports, "check_renderer", measured_too_early)
    monkeypatch.setattr(runner.tempfile, "TemporaryFile", refuse)
    with pytest.raises(OSError, match=r"no report can be written to .*out \(Permission denied\): choose another"):
        evaluate_fidelity("tiny", prompts=2, seeds=1, folder=tmp_path / "new" / "out", progress=lambda *stage: None)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="file"):
        evaluate_fidelity("tiny", prompts=2, seeds=1, folder=tmp_path / "file" / "out", progress=lambda *stage: None)


@pytest.mark.draws
def test_an_interrupted_report_leaves_no_partial_file(
    measured: tuple[FidelityReport, tuple], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(films: object, columns: int, scale: int, fps: float, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(runner, "save_animation", fail)
    report, shown = measured
    with pytest.raises(OSError, match="disk full"):
        write_report(report, pictures(report, shown), "report", tmp_path, 8.0)
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.md", "first.png", "confusions.png"}
