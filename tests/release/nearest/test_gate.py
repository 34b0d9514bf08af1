"""Copies of training clips are found and named; films that nobody trained on pass."""

import numpy as np
import pytest
from bundle.miniature import make_parts, make_provenance
from release.nearest.conftest import film

from langit.bundle import load_bundle, save_bundle
from langit.bundle.folder import add_file
from langit.release.gates.finding import Refused, enforce
from langit.release.nearest import ClipIndex, NearestConfig, NearestGate, check, nearest_clips, open_index
from langit.release.nearest.alterations import ALTERATIONS
from langit.release.nearest.bundled import FILE
from langit.release.nearest.fingerprints import fingerprints_of
from langit.release.nearest.index import ClipMatch

SAME = ("encoded at a low rate", "noise", "smaller", "other light")


@pytest.mark.parametrize("change", ALTERATIONS)
def test_altered_copies_lead_to_their_clips(index, autoencoder, change):
    random = np.random.default_rng(5)
    for seed in range(0, 40, 8):
        (match,) = nearest_clips(index, autoencoder, ALTERATIONS[change](film(seed), random), 8.0, 1)
        assert match.clip == seed and not match.mirrored
        assert match.share == 1.0 or change not in SAME


def test_mirror_images_are_recognised(index, autoencoder):
    for seed in range(0, 40, 8):
        (match,) = nearest_clips(index, autoencoder, film(seed)[:, :, ::-1], 8.0, 1)
        assert match.clip == seed and match.mirrored and match.share == 1.0


def test_a_copy_is_flagged_and_refused_if_so_configured(index, autoencoder):
    flags = NearestGate(index, autoencoder, 8.0).compare(film(3))
    assert {finding.action for finding in flags} == {"flag"} and flags == enforce(flags)
    assert any("similar to film 3 of boxes (64x64x17)" in finding.why for finding in flags)
    strict = NearestConfig(near_action="refuse")
    with pytest.raises(Refused, match="nearest clip .similar to film 3 of boxes .64x64x17., a training clip"):
        enforce(NearestGate(index, autoencoder, 8.0, strict).compare(film(3)))


def test_real_footage_is_named_by_its_record(index, autoencoder):
    (finding, *_) = NearestGate(index, autoencoder, 8.0).compare(film(35))
    assert f"clip {35:064x}" in finding.why


def test_films_that_nobody_trained_on_pass(index, autoencoder):
    flagged = [bool(NearestGate(index, autoencoder, 8.0).compare(film(seed))) for seed in range(2000, 2100)]
    # By chance a film is nearer than all eighty that calibrate in 1 of 81; twice, as content is calibrated by itself.
    assert sum(flagged) <= 8


def test_a_copy_within_a_longer_video_is_found(index, autoencoder):
    long = np.concatenate([film(2000, 24), film(7), film(2001, 24)])
    found = nearest_clips(index, autoencoder, long, 8.0, 3)
    assert found[0].clip == 7 and found[0].share == 1.0


def test_larger_pictures_and_other_rates_are_the_same_clip(index, autoencoder):
    large = np.repeat(np.repeat(np.repeat(film(11), 3, axis=0), 4, axis=1), 4, axis=2)
    (match,) = nearest_clips(index, autoencoder, large, 24.0, 1)
    assert match.clip == 11 and match.share == 1.0


def test_fingerprints_alone_find_a_still_frame(index, autoencoder):
    (first, *_) = nearest_clips(index, autoencoder, film(4)[4:5], 8.0, 1)
    assert first.clip == 4 and first.motion is None


def test_frames_pass_unchanged_and_one_by_one(index, autoencoder):
    given, taken = film(9, 40), []

    def frames():
        for number, frame in enumerate(given):
            taken.append(number)
            yield frame

    gate = NearestGate(index, autoencoder, 8.0)
    stream = gate.passing(frames())
    first = next(stream)
    assert max(taken) <= 17 and np.array_equal(first, given[0])
    assert np.array_equal(np.stack([first, *stream]), given)
    assert any("film 9 " in finding.why for finding in gate.findings())


def test_an_index_survives_saving_and_loading(index, autoencoder, tmp_path):
    index.save(tmp_path / "a.safetensors")
    again = ClipIndex.load(tmp_path / "a.safetensors")
    assert again.films == index.films and again.footage == index.footage
    random = np.random.default_rng(6)
    for seed in (1, 12, 2005):
        video = ALTERATIONS["cropped"](film(seed), random)
        assert nearest_clips(again, autoencoder, video, 8.0, 3) == nearest_clips(index, autoencoder, video, 8.0, 3)
    again.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_bundle_contains_its_index_and_one_without_is_flagged(index, autoencoder, tmp_path):
    parts = make_parts()
    save_bundle(tmp_path / "tiny", parts, make_provenance())
    bundle = load_bundle(tmp_path / "tiny")
    assert open_index(bundle) is None
    (finding,) = check(film(3), 8.0, bundle)
    assert "has no index" in finding.why and finding.action == "flag"
    assert check(film(3), 8.0, bundle, NearestConfig(on=False)) == ()

    sealed = add_file(tmp_path / "tiny", FILE, index.save)
    bundle = load_bundle(tmp_path / "tiny")
    assert bundle.provenance == sealed and open_index(bundle) is open_index(bundle) is not None
    assert open_index(bundle).films == index.films
    with (tmp_path / "tiny" / FILE).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x55")
    with pytest.raises(ValueError, match="is not the file that provenance.json names"):
        load_bundle(tmp_path / "tiny")


def test_invalid_settings_are_named():
    with pytest.raises(ValueError, match="nearest.near 1.5 is not a share"):
        NearestConfig(near=1.5)
    with pytest.raises(ValueError, match="nearest.copied 0"):
        NearestConfig(copied=0.0)


def test_damaged_indexes_and_other_formats_are_named(index, tmp_path):
    index.save(tmp_path / "a.safetensors")
    contents = (tmp_path / "a.safetensors").read_bytes()
    for changed in (contents.replace(b"langit-nearest-1", b"langit-nearest-9"), contents[:500], b"", b"{" * 100_000):
        (tmp_path / "b.safetensors").write_bytes(changed)
        with pytest.raises(ValueError, match="b.safetensors is not an index of clips .*build the index again"):
            ClipIndex.load(tmp_path / "b.safetensors")


def test_frames_without_detail_are_no_copies():
    flat = np.full((9, 64, 64, 3), 90, np.uint8)
    assert not fingerprints_of(flat).any()


def match(number, score, share, copied):
    return ClipMatch(number, 0.0, score, share, 0.9, None, False, 0, copied)


def test_the_nearest_and_the_most_copied_of_all_windows_count(index, autoencoder):
    """The best of one kind may be in a window whose other value is low, and may come first or last."""
    near, copy, neither = match(1, 9.0, 1.0, 0.0), match(2, 1.0, 0.1, 1.0), match(3, 2.0, 0.2, 0.1)
    for order in ([near, copy, neither], [neither, copy, near], [copy, neither, near]):
        gate = NearestGate(index, autoencoder, 8.0)
        for one in order:
            gate.note([one])
        assert (gate.nearest, gate.copy) == (near, copy)
        copied, similar = (finding.why for finding in gate.findings())
        assert "film 2 " in copied and "film 1 " in similar


def test_what_is_below_the_limits_and_what_was_not_compared_is_not_found(index, autoencoder):
    gate = NearestGate(index, autoencoder, 8.0, NearestConfig(copied=0.5, near=0.9))
    assert gate.findings() == ()
    gate.note([match(1, 1.0, 0.89, 0.49)])
    assert gate.findings() == ()
    gate.note([match(2, 2.0, 0.9, 0.5)])
    assert len(gate.findings()) == 2
