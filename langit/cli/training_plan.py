"""`langit plan RECIPE`: what training takes, before anything runs. Parses arguments and prints."""

from __future__ import annotations

from dataclasses import replace

from langit.cli.printing import say


def is_recipe(name: str) -> bool:
    """Whether a name is a recipe's; models have other names."""
    from langit.recipes import RECIPES, TRIALS

    return name in RECIPES or name in {f"{trial}-trial" for trial in TRIALS}


def say_training_plan(
    name: str,
    manifest: str | None = None,
    devices: str = "",
    price: float | None = None,
    share: float | None = None,
    changes: list[str] | None = None,
) -> None:
    """Print what a recipe takes on devices such as 8xH100; this machine's without any.

    Raises:
        ValueError: an unknown recipe, device or manifest, or a change that is not possible.
    """
    from langit.config import override
    from langit.plan.hardware import parse_devices
    from langit.recipes import TRIALS, find
    from langit.recipes.costs import plan_recipe

    trial = name.removesuffix("-trial")
    recipe = TRIALS[trial]() if trial in TRIALS and name != trial else find(name)
    recipe = override(replace(recipe, manifest=manifest or recipe.manifest), changes or [])
    if price is not None and price < 0:
        raise ValueError(f"--price {price:g} is below 0: give what one device costs for an hour")
    count, hardware = parse_devices(devices or "1")
    for line in plan_recipe(recipe, hardware, count, price=price, share=share).lines():
        say(line)
