"""Copies of clips that were trained on are found and named; films that nobody trained on are let go."""

import numpy as np
import pytest
from bundle.miniature import make_parts, make_provenance
from release.nearest.conftest import film

from langit.bundle import load_bundle, save_bundle
from langit.bundle.folder import add_file
from langit.release.gates.finding import Refused, enforce
from langit.release.nearest import ClipIndex, NearestConfig, Watch, check, matches, open_index
from langit.release.nearest.altered import CHANGES
from langit.release.nearest.bundled import FILE

SAME = ("encoded at a low rate", "noise", "smaller", "other light")


@pytest.mark.parametrize("change", CHANGES)
def test_altered_copies_lead_to_their_clips(index, autoencoder, change):
    dice = np.random.default_rng(5)
    for seed in range(0, 40, 8):
        (match,) = matches(index, autoencoder, CHANGES[change](film(seed), dice), 8.0, 1)
        assert match.clip == seed and not match.mirrored
        assert match.share == 1.0 or change not in SAME


def test_mirror_images_are_told(index, autoencoder):
    for seed in range(0, 40, 8):
        (match,) = matches(index, autoencoder, film(seed)[:, :, ::-1], 8.0, 1)
        assert match.clip == seed and match.mirrored and match.share == 1.0


def test_a_copy_is_flagged_and_refused_where_the_policy_says_so(index, autoencoder):
    flags = Watch(index, autoencoder, 8.0).look(film(3))
    assert {finding.action for finding in flags} == {"flag"} and flags == enforce(flags)
    assert any("similar to film 3 of boxes (64x64x17)" in finding.why for finding in flags)
    strict = NearestConfig(near_action="refuse")
    with pytest.raises(Refused, match="nearest clip .similar to film 3 of boxes .64x64x17., which was trained on"):
        enforce(Watch(index, autoencoder, 8.0, strict).look(film(3)))


def test_real_footage_is_named_by_its_record(index, autoencoder):
    (finding, *_) = Watch(index, autoencoder, 8.0).look(film(35))
    assert f"clip {35:064x}" in finding.why


def test_strangers_pass(index, autoencoder):
    flagged = [bool(Watch(index, autoencoder, 8.0).look(film(seed))) for seed in range(2000, 2030)]
    assert sum(flagged) <= 5  # of twenty calibrating films, one in twenty-one is the nearest by chance


def test_a_copy_within_a_longer_video_is_found(index, autoencoder):
    long = np.concatenate([film(2000, 24), film(7), film(2001, 24)])
    found = matches(index, autoencoder, long, 8.0, 3)
    assert found[0].clip == 7 and found[0].share == 1.0


def test_larger_pictures_and_other_rates_are_the_same_clip(index, autoencoder):
    large = np.repeat(np.repeat(np.repeat(film(11), 3, axis=0), 4, axis=1), 4, axis=2)
    (match,) = matches(index, autoencoder, large, 24.0, 1)
    assert match.clip == 11 and match.share == 1.0


def test_fingerprints_alone_tell_a_still_copy(index, autoencoder):
    (first, *_) = matches(index, autoencoder, film(4)[4:5], 8.0, 1)
    assert first.clip == 4 and first.motion is None


def test_frames_pass_unchanged_and_one_by_one(index, autoencoder):
    given, taken = film(9, 40), []

    def frames():
        for number, frame in enumerate(given):
            taken.append(number)
            yield frame

    watch = Watch(index, autoencoder, 8.0)
    stream = watch.passing(frames())
    first = next(stream)
    assert max(taken) <= 17 and np.array_equal(first, given[0])
    assert np.array_equal(np.stack([first, *stream]), given)
    assert any("film 9 " in finding.why for finding in watch.findings())


def test_an_index_is_kept_as_it_was(index, autoencoder, tmp_path):
    index.save(tmp_path / "a.safetensors")
    again = ClipIndex.load(tmp_path / "a.safetensors")
    assert again.films == index.films and again.footage == index.footage
    dice = np.random.default_rng(6)
    for seed in (1, 12, 2005):
        video = CHANGES["cropped"](film(seed), dice)
        assert matches(again, autoencoder, video, 8.0, 3) == matches(index, autoencoder, video, 8.0, 3)
    again.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_bundle_carries_its_index_and_one_without_says_so(index, autoencoder, tmp_path):
    parts = make_parts()
    save_bundle(tmp_path / "tiny", parts, make_provenance())
    bundle = load_bundle(tmp_path / "tiny")
    assert open_index(bundle) is None
    (finding,) = check(film(3), 8.0, bundle)
    assert "carries no index" in finding.why and finding.action == "flag"
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


def test_settings_that_mean_nothing_are_named():
    with pytest.raises(ValueError, match="nearest.near 1.5 is no share"):
        NearestConfig(near=1.5)
    with pytest.raises(ValueError, match="nearest.copied 0"):
        NearestConfig(copied=0.0)
