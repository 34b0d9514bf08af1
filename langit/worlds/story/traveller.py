"""A walking traveller in a knitted helmet: body as MJCF, meshes of the knitting, and the walk as a function of time.

The figure faces its x axis, z is up; its root is at the hips, HIPS above the ground. The head is large, so that small
pictures show it. Knows no scenes and no drawing.
"""

import math

from langit.worlds.story.puppy import Pose

HIPS = 0.86
KNIT, PURL, COAT, TROUSERS = "knit", "purl", "coat", "trousers"
WOOL: dict[str, tuple[float, float, float]] = {
    "red": (0.90, 0.07, 0.08),
    "blue": (0.10, 0.26, 0.92),
    "green": (0.06, 0.62, 0.16),
    "yellow": (0.98, 0.84, 0.08),
    "orange": (1.0, 0.45, 0.03),
    "white": (0.96, 0.96, 0.95),
}
CLOTHES: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...] = (  # coat, trousers
    ((0.50, 0.40, 0.28), (0.26, 0.24, 0.24)),
    ((0.30, 0.34, 0.40), (0.44, 0.38, 0.28)),
    ((0.38, 0.37, 0.26), (0.24, 0.26, 0.32)),
    ((0.62, 0.55, 0.44), (0.30, 0.26, 0.22)),
)
_RADIUS = 0.315
_BANDS = 6  # of knitting between crown and rim


def meshes() -> str:
    """MJCF of the meshes `knit` and `purl`, the helmet's alternating bands with wavy edges."""
    around, lowest = 24, math.radians(-42)
    edges = [math.pi / 2 + (lowest - math.pi / 2) * row / _BANDS for row in range(_BANDS + 1)]

    def point(edge: int, step: int) -> tuple[float, float, float]:
        turn = 2 * math.pi * step / around
        wavy = 0.055 * (1 if step % 2 else -1) if 0 < edge < _BANDS else 0.0
        height = edges[edge] + wavy
        radius = _RADIUS * math.cos(height) * (1.0 if height > 0 else 0.6 + 0.4 * math.cos(height))
        return radius * math.cos(turn), radius * math.sin(turn), _RADIUS * math.sin(height)

    found = []
    for name, first in ((KNIT, 0), (PURL, 1)):
        vertices: list[tuple[float, float, float]] = []
        faces: list[int] = []
        for band in range(first, _BANDS, 2):
            base = len(vertices)
            vertices += [point(band + low, step) for low in (0, 1) for step in range(around)]
            for step in range(around):
                a, b = base + step, base + (step + 1) % around
                faces += [a, a + around, b, b, a + around, b + around]
        points = " ".join(f"{value:.4f}" for vertex in vertices for value in vertex)
        found.append(f'<mesh name="{name}" inertia="shell" vertex="{points}" face="{" ".join(map(str, faces))}"/>')
    return "\n".join(found)


def mjcf(name: str) -> str:
    """MJCF of one free body. The scene colours the geoms whose names end in knit, purl, coat and trousers."""
    arms = "".join(
        f"""
    <body name="{name}-arm{side}" pos="0 {0.235 * sign} 0.50"><joint name="{name}-arm{side}" axis="0 -1 0"/>
      <geom name="{name}-arm{side}-{COAT}" type="capsule" fromto="0 0 0 0 {0.03 * sign} -0.27" size="0.085"/>
      <body name="{name}-elbow{side}" pos="0 {0.03 * sign} -0.28"><joint name="{name}-elbow{side}" axis="0 -1 0"/>
        <geom name="{name}-elbow{side}-{COAT}" type="capsule" fromto="0 0 0 0 0 -0.20" size="0.075"/>
        <geom name="{name}-hand{side}" type="sphere" pos="0 0 -0.29" size="0.08" rgba="0.80 0.58 0.44 1"/>
      </body></body>"""
        for side, sign in (("l", 1), ("r", -1))
    )
    legs = "".join(
        f"""
    <body name="{name}-leg{side}" pos="0 {0.11 * sign} 0"><joint name="{name}-leg{side}" axis="0 -1 0"/>
      <geom name="{name}-leg{side}-{TROUSERS}" type="capsule" fromto="0 0 0 0 0 -0.38" size="0.112"/>
      <body name="{name}-knee{side}" pos="0 0 -0.40"><joint name="{name}-knee{side}" axis="0 1 0"/>
        <geom name="{name}-knee{side}-{TROUSERS}" type="capsule" fromto="0 0 0 0 0 -0.28" size="0.092"/>
        <geom name="{name}-boot{side}" type="ellipsoid" pos="0.055 0 -0.38" size="0.165 0.095 0.085"
         rgba="0.16 0.11 0.08 1"/></body></body>"""
        for side, sign in (("l", 1), ("r", -1))
    )
    return f"""
  <body name="{name}"><freejoint name="{name}"/>
    <geom name="{name}-hips-{TROUSERS}" type="ellipsoid" pos="0 0 0.02" size="0.17 0.20 0.15"/>
    <geom name="{name}-trunk-{COAT}" type="capsule" fromto="0 0 0.14 0.01 0 0.44" size="0.205"/>
    <geom name="{name}-pack" type="box" pos="-0.27 0 0.33" size="0.10 0.17 0.24" rgba="0.42 0.24 0.11 1"/>
    <geom name="{name}-roll" type="capsule" fromto="-0.25 -0.2 0.63 -0.25 0.2 0.63" size="0.075"
     rgba="0.66 0.60 0.42 1"/>
    <body name="{name}-head" pos="0.02 0 0.87"><joint name="{name}-nod" axis="0 -1 0"/>
      <joint name="{name}-look" axis="0 0 1"/>
      <geom name="{name}-neck" type="capsule" fromto="0 0 -0.2 0 0 -0.3" size="0.10" rgba="0.80 0.58 0.44 1"/>
      <geom name="{name}-{KNIT}" type="mesh" mesh="{KNIT}"/><geom name="{name}-{PURL}" type="mesh" mesh="{PURL}"/>
      <geom name="{name}-rim-{KNIT}" type="ellipsoid" pos="0 0 -0.20" size="0.23 0.23 0.065"/>
      <geom name="{name}-visor" type="ellipsoid" pos="0.17 0 -0.01" size="0.185 0.24 0.11" rgba="0.05 0.06 0.09 1"/>
      <geom name="{name}-shine" type="ellipsoid" pos="0.30 0 0.03" size="0.06 0.13 0.03" rgba="0.55 0.70 0.85 1"/>
    </body>{arms}{legs}
  </body>"""


def pose(seconds: float, along: float, pace: float, phase: float) -> Pose:
    """A pose of the walk, with `pace` double steps a second and the root at `along` in the direction that it faces."""
    turn = 2 * math.pi * (pace * seconds + phase)
    joints: dict[str, float] = {}
    for side, sign in (("l", 1.0), ("r", -1.0)):
        swing = sign * math.sin(turn)
        joints |= {f"leg{side}": 0.58 * swing, f"knee{side}": 0.10 + 0.85 * _lift(turn, sign)}
        joints |= {f"arm{side}": -0.55 * swing, f"elbow{side}": 0.35}
    joints |= {"nod": 0.03 * math.sin(2 * turn), "look": 0.10 * math.sin(0.5 * turn)}
    low = 0.05 * math.sin(turn) ** 2
    return Pose((along, 0.0, HIPS - low), (0.0, 0.05, 0.0), joints)


def _lift(turn: float, sign: float) -> float:
    """How far a knee bends, from 0 to 1: only while its leg swings forward."""
    forward = max(0.0, sign * math.cos(turn))
    return forward * math.sqrt(forward)
