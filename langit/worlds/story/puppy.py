"""A puppy: its body as MJCF, and its pose during an action as a pure function of time.

A puppy faces its x axis, z is up; its root is the middle of its trunk, STAND above the ground when it stands. Lengths
are metres of a large puppy. Knows no scenes and no drawing.
"""

import math
from dataclasses import dataclass, field

STAND = 0.475
_LIE = 0.23  # height of the trunk's middle when the puppy lies on its back

FUR: dict[str, tuple[tuple[float, float, float], ...]] = {  # coat, muzzle and paws, ears and tail
    "brown": ((0.56, 0.30, 0.12), (0.92, 0.76, 0.54), (0.32, 0.15, 0.06)),
    "white": ((0.97, 0.96, 0.94), (1.0, 0.98, 0.95), (0.66, 0.56, 0.48)),
    "black": ((0.09, 0.09, 0.10), (0.50, 0.36, 0.24), (0.04, 0.04, 0.05)),
    "golden": ((0.93, 0.63, 0.18), (1.0, 0.86, 0.58), (0.74, 0.42, 0.08)),
}
COAT, PALE, DARK = "coat", "pale", "dark"
_LEGS = {"fl": (0.24, 0.125), "fr": (0.24, -0.125), "hl": (-0.26, 0.125), "hr": (-0.26, -0.125)}


@dataclass(frozen=True)
class Pose:
    """Place (x ahead, y aside, z) and turn (yaw, pitch, roll in radians) of the root, and joint angles by name."""

    place: tuple[float, float, float]
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    joints: dict[str, float] = field(default_factory=dict)


def mjcf(name: str) -> str:
    """MJCF of one free body. The scene colours the geoms whose names end in coat, pale and dark."""
    legs = "".join(
        f"""
    <body name="{name}-{leg}" pos="{x} {y} -0.07"><joint name="{name}-{leg}" type="hinge" axis="0 -1 0"/>
      <geom name="{name}-{leg}-{COAT}" type="capsule" fromto="0 0 0 0 0 -0.26" size="0.078"/>
      <geom name="{name}-{leg}-{PALE}" type="ellipsoid" pos="0.03 0 -0.33" size="0.10 0.085 0.075"/></body>"""
        for leg, (x, y) in _LEGS.items()
    )
    ears = "".join(
        f"""
      <body name="{name}-ear{side}" pos="-0.01 {0.165 * sign} 0.22"><joint name="{name}-ear{side}" axis="{sign} 0 0"/>
        <geom name="{name}-ear{side}-{DARK}" type="ellipsoid" pos="-0.01 {0.035 * sign} -0.13" size="0.09 0.04 0.165"
         euler="{12 * sign} 0 0"/></body>"""
        for side, sign in (("l", 1), ("r", -1))
    )
    eyes = "".join(
        f'<geom name="{name}-eye{y}" type="sphere" pos="0.185 {y} 0.125" size="0.042" rgba="0.03 0.02 0.02 1"/>'
        for y in (0.11, -0.11)
    )
    return f"""
  <body name="{name}"><freejoint name="{name}"/>
    <geom name="{name}-trunk-{COAT}" type="capsule" fromto="-0.24 0 0 0.22 0 0.01" size="0.195"/>
    <geom name="{name}-chest-{PALE}" type="ellipsoid" pos="0.25 0 -0.05" size="0.175 0.15 0.155"/>
    <geom name="{name}-neck-{COAT}" type="capsule" fromto="0.20 0 0.05 0.36 0 0.22" size="0.145"/>
    <body name="{name}-head" pos="0.38 0 0.22">
      <joint name="{name}-nod" axis="0 -1 0"/><joint name="{name}-look" axis="0 0 1"/>
      <joint name="{name}-tilt" axis="1 0 0"/>
      <geom name="{name}-skull-{COAT}" type="sphere" pos="0.03 0 0.09" size="0.225"/>
      <geom name="{name}-muzzle-{PALE}" type="ellipsoid" pos="0.22 0 0.015" size="0.145 0.115 0.095"/>
      <geom name="{name}-nose" type="sphere" pos="0.345 0 0.055" size="0.05" rgba="0.03 0.02 0.02 1"/>
      <geom name="{name}-tongue" type="ellipsoid" pos="0.28 0 -0.085" size="0.055 0.045 0.05" rgba="0.9 0.3 0.35 1"/>
      {eyes}{ears}
    </body>
    <body name="{name}-tail" pos="-0.40 0 0.10">
      <joint name="{name}-lift" axis="0 1 0"/><joint name="{name}-wag" axis="1 0 0"/>
      <geom name="{name}-tail-{DARK}" type="capsule" fromto="0 0 0 -0.13 0 0.26" size="0.058"/></body>{legs}
  </body>"""


def pose(action: str, seconds: float, along: float, pace: float, phase: float) -> Pose:
    """The pose of a puppy.

    Args:
        action: "runs", "jumps", "tumbles", "sits", "bows".
        seconds: since the beginning of the film.
        along: position of the root in the direction that it faces.
        pace: steps, leaps, turns or wags a second.
        phase: 0 to 1, of the first step.
    """
    turns = pace * seconds + phase
    wave = math.sin(2 * math.pi * turns)
    wag = math.sin(2 * math.pi * (2.1 * seconds + phase))
    joints = {"wag": 0.5 * wag, "lift": 0.15 * wag, "earl": 0.1, "earr": 0.1, "look": 0.15 * math.sin(1.7 * turns)}
    if action == "runs":
        # a trot: diagonal legs swing together
        joints |= {"fl": 0.75 * wave, "hr": 0.7 * wave, "fr": -0.75 * wave, "hl": -0.7 * wave}
        bounce = abs(math.cos(2 * math.pi * turns))
        joints |= {"nod": 0.08 * wave, "earl": 0.25 + 0.35 * bounce, "earr": 0.25 + 0.35 * bounce}
        return Pose((along, 0.0, STAND - 0.02 + 0.07 * bounce), (0.0, 0.06 * wave, 0.0), joints)
    if action == "jumps":
        share = turns % 1.0
        # a quarter of each leap is the crouch, the rest a parabola
        rise = max(0.0, (share - 0.25) / 0.75)
        height = 0.42 * 4 * rise * (1 - rise)
        crouch = math.sin(math.pi * share / 0.25) if share < 0.25 else 0.0
        stretch = 0.55 * math.sin(math.pi * rise) if rise > 0 else 0.0
        lift = 1.0 - 2.0 * rise if rise > 0 else 0.0
        flap = 0.2 + 0.9 * max(0.0, -lift) if rise > 0 else 0.1
        joints |= {"fl": stretch, "fr": 0.8 * stretch, "hl": -stretch, "hr": -0.8 * stretch, "nod": 0.2 * lift}
        joints |= {"earl": flap, "earr": flap}
        return Pose((along, 0.0, STAND - 0.09 * crouch + height), (0.0, -0.25 * lift, 0.0), joints)
    if action == "tumbles":
        share = turns % 1.0
        turn = 2 * math.pi * (share - math.sin(2 * math.pi * share) / (2 * math.pi) * 0.55)
        down = math.sin(turn / 2) ** 2
        paddle = 0.5 * math.sin(2 * math.pi * 2.2 * seconds) * down
        joints |= {"fl": paddle + 0.2, "fr": -paddle + 0.2, "hl": -paddle - 0.2, "hr": paddle - 0.2, "nod": 0.3 * down}
        joints |= {"earl": 0.1 + 0.5 * down, "earr": 0.1 + 0.5 * down}
        side = 0.18 * math.sin(turn)
        return Pose((along, side, STAND + (_LIE - STAND) * down**0.6), (0.0, 0.0, turn), joints)
    if action == "sits":
        pitch = 0.66
        joints |= {"fl": -pitch, "fr": -pitch, "hl": 0.95, "hr": 0.95, "nod": -0.45, "lift": -0.75 + 0.15 * wag}
        joints |= {"wag": 0.9 * wag, "tilt": 0.3 * math.sin(2 * math.pi * 0.45 * seconds + phase)}
        return Pose((along, 0.0, 0.375), (0.0, -pitch, 0.0), joints)
    assert action == "bows", action
    low = 0.5 + 0.5 * math.sin(2 * math.pi * turns * 0.8)
    joints |= {"fl": 0.35 + 0.85 * low, "fr": 0.35 + 0.85 * low, "hl": -0.4 * low, "hr": -0.4 * low}
    joints |= {"nod": 0.35 * low, "lift": 0.3 * wag}
    return Pose((along, 0.0, STAND - 0.10 * low), (0.0, 0.45 * low, 0.0), joints)
