"""Identities are pinned: checkpoints carry them, and a change would make every run of before another recipe's."""

from __future__ import annotations

import pytest

from langit import config, recipes
from langit.recipes.identity import identity
from langit.recipes.judges.probe import ProbeRecipe, story_recipe
from langit.recipes.judges.tracker import TrackerRecipe

PINNED = {
    "pocket": {
        "pixels-128": "4545bc2f2a0f31b953f2e155f794231b3ba1dd4e9225845c001559e426325c85",
        "everything": "123982dee50e66be08375705654f3e9ea254cc3c26ce4a05ea51e67a8a7d7888",
        "fast": "03c508b57b0d1e6352d8d55c1a37981da16473ee9dbf3b8f931f4f0bf2ea059e",
    },
    "pocket64": {  # as they were when the recipe was called pocket: runs of that time can be gone on with
        "autoencoder": "a57078316d315b036de722eb385339e32601058c1c3f2f0712da8b213add782a",
        "sharper": "54a6b5e35d6abce8b388ab2215be2831af62d6ad97010ca8e39d1665bda4546b",
        "story-pixels": "246334ddd241239fa588597c28823c3fdbc5ad0bae24add7c6809c8779251e9b",
        "scenes": "efc101e59b18da80e482761ae79b13f37042073931ecf474f39e5a4fcb2a01d5",
        "abilities": "2d8cec49e7fc06cb194c3141c4d24455c90763fba900dd91ba62c3554a303399",
        "story": "c7f8494e4b3998b5cfafebc722f08f8e3bdf368bdefed156b20a02f307250bc1",
        "words": "0acea79a45f7b6480fe41bd0aabfd0c462a9986866e0ce37cacf31ab86087a4f",
        "fast": "0a7fe5b53d75db90ecfa11d94d13423a6d6f83070bca77da4a4d4f8fbe0a76a0",
    },
    "tiny": {
        "autoencoder": "c86ee0cd482555c0fef052b82505ace837a8e635d19b8c71ae56f5e552c41dc2",
        "sharper": "08b9d1aff30b30734720d0236a24df399c510267e185ee937c2e8e43c043ee90",
        "scenes": "f78ebf25f22a48c884f09c5af16d4fe9f8a41e28abd15763280e9f235d1a6688",
        "abilities": "e85c7050abf02e43c4636d0b1922b2faaa12e15d1f70535d8be435ea346c6456",
        "fast": "811b1af795f3e2aa680cf9a464898698bc807bc08347f698ac376b0caff4c02c",
    },
}


@pytest.mark.parametrize("name", PINNED)
def test_stages_of_the_recipes_keep_their_identities(name: str) -> None:
    recipe = recipes.find(name)
    assert {stage: identity(recipe, stage) for stage in recipe.stage_names} == {
        stage: f"sha256:{digest}" for stage, digest in PINNED[name].items()
    }


def test_the_judges_keep_their_identities() -> None:
    """The digests that `fit_probe` and `fit_tracker` take."""
    probes = [
        config.digest_of({"recipe": config.identifying(recipe), "reconstructions": reconstructions})
        for recipe in (ProbeRecipe(), story_recipe())
        for reconstructions in (False, True)
    ]
    assert probes == [
        "sha256:db7e4014376e519b24f159f089f6c9a4041dc101a9190674b8d775c584bf6096",
        "sha256:10289fd25c7ed60ecab110c93af6996932a85eadec24e8ac47d1bf2771a382aa",
        "sha256:8a261eaffdfe564720097d20b2fb68f9ab6b1ac37c582e9da91915a6b81f7ecc",
        "sha256:0c5118001d918337ec404d9e8127e11d23072ffef3a3f9b9a53dc80d9c878b3a",
    ]
    tracker = config.digest_of(config.identifying(TrackerRecipe()))
    assert tracker == "sha256:737c89eae3487085ea6238693858bfc1b024a43740da86abd3e15d0d4b3f4357"


def test_films_are_rendered_at_the_rate_that_recipes_assume() -> None:
    from langit.recipes.recipe import FILM_FPS
    from langit.worlds.film import FPS

    assert FILM_FPS == FPS
