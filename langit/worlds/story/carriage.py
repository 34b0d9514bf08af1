"""The window of a train as MJCF: its frame, a passenger's reflection, and the scenery outside.

The viewer sits DISTANCE metres before the glass, which lies in the plane y = 0; z = 0 is the height of the eyes. The
scenery stands on z = -RAISED in rows. Each row repeats after its own length, so a journey has no end. Knows no scenes
and no drawing.
"""

from dataclasses import dataclass

from langit.worlds.story import skin

DISTANCE = 2.0
RAISED = 1.75
WALL_KINDS = ("house", "storeys", "house")
_WIDE, _HIGH = 0.76, 0.62  # half of the opening


@dataclass(frozen=True)
class SceneryRow:
    """Equal things in a line, `away` metres from the glass and `spacing` metres apart, in some of PLACES."""

    name: str
    count: int
    away: float
    spacing: float
    jitter: float
    places: tuple[str, ...]

    @property
    def length(self) -> float:
        return self.count * self.spacing


ROWS = (
    SceneryRow("pole", 5, 3.4, 8.0, 0.0, ("suburbs", "city", "fields")),
    SceneryRow("hedge", 6, 4.6, 6.5, 0.6, ("suburbs", "fields")),
    SceneryRow("home", 10, 9.4, 5.0, 0.4, ("suburbs",)),
    SceneryRow("shop", 8, 9.4, 5.9, 0.3, ("city",)),
    SceneryRow("garden", 4, 6.6, 12.1, 2.5, ("suburbs",)),
    SceneryRow("tree", 7, 6.6, 6.1, 1.8, ("fields",)),
    SceneryRow("wood", 6, 12.0, 5.0, 1.8, ("fields",)),
    SceneryRow("farm", 2, 17.0, 22.0, 3.0, ("fields",)),
    SceneryRow("tower", 8, 20.0, 7.4, 1.6, ("suburbs", "city")),
)

ROOFS = (
    (0.70, 0.24, 0.16),
    (0.20, 0.32, 0.58),
    (0.36, 0.33, 0.33),
    (0.55, 0.40, 0.26),
    (0.22, 0.42, 0.40),
)
WALLS = (
    (0.95, 0.91, 0.82),
    (0.86, 0.78, 0.66),
    (0.78, 0.84, 0.88),
    (0.94, 0.86, 0.72),
    (0.80, 0.70, 0.62),
)
BLOCKS = ((0.70, 0.70, 0.74), (0.62, 0.56, 0.52), (0.80, 0.78, 0.74), (0.50, 0.56, 0.64))
SIGNS = ((0.95, 0.15, 0.2), (0.1, 0.7, 0.95), (0.98, 0.75, 0.1), (0.9, 0.3, 0.8), (0.2, 0.85, 0.4))
JACKETS = ((0.70, 0.20, 0.18), (0.22, 0.34, 0.62), (0.80, 0.66, 0.40), (0.24, 0.46, 0.36))


def assets() -> str:
    """MJCF of the walls' textures and materials and of the roofs' mesh."""
    size = skin.WALL_PIXELS
    kinds = ("house", "storeys", "block")
    textures = "".join(
        f'<texture name="{kind}" type="cube" builtin="flat" width="{size}" height="{6 * size}"/>'
        f'<material name="{kind}" texture="{kind}" texuniform="false"/>'
        for kind in kinds
    )
    roofs = "".join(
        f'<mesh name="roof{index}" inertia="shell" vertex="{_numbers(_roof(*size))}"'
        ' face="0 1 4 1 5 4 1 2 5 2 3 5 3 4 5 3 0 4 0 3 2 0 2 1"/>'
        for index, size in enumerate(((2.1, 1.6, 1.25), (1.95, 1.6, 1.0), (2.3, 1.6, 1.5)))
    )
    return textures + roofs


def _roof(wide: float, deep: float, high: float) -> list[tuple[float, float, float]]:
    base = [(-wide, -deep, 0.0), (wide, -deep, 0.0), (wide, deep, 0.0), (-wide, deep, 0.0)]
    return [*base, (-0.72 * wide, 0.0, high), (0.72 * wide, 0.0, high)]


def _numbers(vertices: list[tuple[float, float, float]]) -> str:
    return " ".join(f"{value:.3f}" for vertex in vertices for value in vertex)


def _home(index: int) -> str:
    kind = WALL_KINDS[index % 3]
    high = 3.1 if kind == "storeys" else 1.9
    wide = (1.75, 1.6, 1.95)[index % 3]
    return (
        f'<geom name="home{index}-wall" type="box" pos="0 0 {high / 2}" size="{wide} 1.3 {high / 2}"'
        f' material="{kind}"/>'
        f'<geom name="home{index}-roof" type="mesh" mesh="roof{index % 3}" pos="0 0 {high}"/>'
    )


def _block(name: str, index: int, wide: float, high: float, sign: bool = False) -> str:
    lit = (
        f'<geom name="{name}{index}-sign" type="box" pos="{0.55 * wide} -1.52 {0.8 * high}" size="0.2 0.08 0.55"'
        ' material="lit"/>'
    )
    return (lit if sign else "") + (
        f'<geom name="{name}{index}-block" type="box" pos="0 0 {high / 2}" size="{wide} 1.5 {high / 2}"'
        ' material="block"/>'
    )


def _tree(name: str, index: int, high: float) -> str:
    return (
        f'<geom name="{name}{index}-trunk" type="box" pos="0 0 {0.3 * high}" size="0.09 0.09 {0.3 * high}"'
        ' rgba="0.32 0.22 0.14 1"/>'
        f'<geom name="{name}{index}-crown" type="ellipsoid" pos="0 0 {0.72 * high}"'
        f' size="{0.30 * high} 0.5 {0.36 * high}" rgba="0.20 0.42 0.14 1"/>'
    )


def _thing(row: SceneryRow, index: int) -> str:
    if row.name == "pole":
        wires = "".join(
            f'<geom name="wire{index}{z}" type="box" pos="{row.spacing / 2} 0 {z}" size="{row.spacing / 2} 0.015 0.014"'
            ' rgba="0.10 0.10 0.11 1"/>'
            for z in (2.55, 2.92)
        )
        return (
            f'<geom name="pole{index}" type="box" pos="0 0 1.6" size="0.09 0.09 1.7" rgba="0.36 0.33 0.31 1"/>'
            f'<geom name="bar{index}" type="box" pos="0 0 2.92" size="0.38 0.05 0.05" rgba="0.30 0.28 0.27 1"/>{wires}'
        )
    if row.name == "hedge":
        return f'<geom name="hedge{index}" type="box" pos="0 0 0.3" size="2.2 0.15 0.32" rgba="0.22 0.38 0.16 1"/>'
    if row.name == "home":
        return _home(index)
    if row.name == "farm":
        return _home(3 * index).replace("home", "farm")
    if row.name == "shop":
        return _block(row.name, index, 2.2 + 0.25 * (index % 2), (3.4, 5.2, 2.8, 4.3)[index % 4], sign=True)
    if row.name == "tower":
        return _block(row.name, index, 2.0 + 0.5 * (index % 3), (4.4, 7.0, 5.4)[index % 3])
    return _tree(row.name, index, (2.3, 2.9, 2.0)[index % 3] + (1.2 if row.name == "wood" else 0.0))


def mjcf(place: str) -> str:
    """All bodies of the window and of the scenery of `place`; the ground is a body too, because it moves."""
    outside = "".join(
        f'<body name="{row.name}{index}" pos="0 {row.away} {-RAISED}">{_thing(row, index)}</body>'
        for row in ROWS
        if place in row.places
        for index in range(row.count)
    )
    return f"{_frame()}{_passenger()}{outside}"


def _frame() -> str:
    far, rim = 3.0, 0.05
    walls = [
        (0.0, _HIGH + far / 2, far, far / 2, 0.05, "wall"),
        (0.0, -_HIGH - far / 2, far, far / 2, 0.05, "wall"),
        (_WIDE + far / 2, 0.0, far / 2, _HIGH, 0.05, "wall"),
        (-_WIDE - far / 2, 0.0, far / 2, _HIGH, 0.05, "wall"),
        (0.0, _HIGH, _WIDE + rim, rim / 2, 0.07, "rim"),
        (0.0, -_HIGH, _WIDE + rim, rim, 0.12, "rim"),
        (_WIDE, 0.0, rim / 2, _HIGH, 0.07, "rim"),
        (-_WIDE, 0.0, rim / 2, _HIGH, 0.07, "rim"),
    ]
    boxes = "".join(
        f'<geom name="{kind}{index}" type="box" pos="{x} 0 {z}" size="{wide} {deep} {high}" material="inside"/>'
        for index, (x, z, wide, high, deep, kind) in enumerate(walls)
    )
    glass = "".join(
        f'<geom name="glass{index}" type="box" pos="{x} 0.1 {z}" size="{wide} 0.005 {high}" euler="0 {lean} 0"'
        f' material="lit" rgba="1 0.98 0.92 {alpha}"/>'
        for index, (x, z, wide, high, lean, alpha) in enumerate(
            ((-0.1, 0.47, 0.5, 0.03, 0, 0.4), (-0.45, 0.0, 0.07, 1.0, 35, 0.13), (-0.2, 0.0, 0.03, 1.0, 35, 0.13))
        )
    )
    return f"<body>{boxes}{glass}</body>"


def _passenger() -> str:
    """The reflection of a seated person: head and shoulders, half transparent."""
    return """
  <body name="passenger" pos="0 0.35 0">
    <geom name="passenger-hair" type="ellipsoid" pos="0 0.03 0.09" size="0.165 0.14 0.165"/>
    <geom name="passenger-face" type="ellipsoid" pos="0 -0.06 0.02" size="0.125 0.12 0.155"/>
    <geom name="passenger-body" type="ellipsoid" pos="0 0.02 -0.50" size="0.33 0.16 0.36"/>
  </body>"""


def wrap(place: float, length: float) -> float:
    """Wrap a coordinate of a row that repeats after `length` into [-length / 2, length / 2)."""
    return (place + length / 2) % length - length / 2
