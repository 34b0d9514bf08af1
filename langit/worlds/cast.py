"""The five shapes: meshes, which are drawn, and MJCF, which is simulated.

Every shape is about one metre across, rests on z = 0, and has a stripe that makes its rotation visible. A body carries
all five shapes; `stage.py` shows one and hides the others. Knows nothing of scenes or of the names of colours.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from langit.worlds.scene import SHAPES

Vertex = tuple[float, float, float]
Patch = tuple[list[Vertex], list[tuple[int, int, int]]]

RADIUS = 0.5  # of the ball
_CUBE = 0.44  # half an edge
_CONE_RADIUS, _CONE_HEIGHT = 0.56, 1.15
_CYLINDER_RADIUS, _CYLINDER_HEIGHT = 0.31, 1.35
_RING_MAJOR, _RING_MINOR = 0.38, 0.175
_RING = _RING_MAJOR + _RING_MINOR
_CONE_CENTRE = _CONE_HEIGHT / 3  # of mass, above the base


@dataclass(frozen=True)
class Form:
    """A shape's physics: height of its centre at rest, height of its top, rolling radius (0: it slides), inertia.

    Lengths in metres. The inertia is that of 1 kg about the shape's own axes.
    """

    rest: float
    height: float
    rolling: float
    inertia: Vertex


FORMS: dict[str, Form] = {
    "ball": Form(RADIUS, 2 * RADIUS, RADIUS, (0.10, 0.10, 0.10)),
    "cube": Form(_CUBE, 2 * _CUBE, 0.0, (0.13, 0.13, 0.13)),
    "cone": Form(_CONE_CENTRE, _CONE_HEIGHT, 0.0, (0.10, 0.10, 0.10)),
    "cylinder": Form(_CYLINDER_HEIGHT / 2, _CYLINDER_HEIGHT, 0.0, (0.17, 0.17, 0.06)),
    "ring": Form(_RING, 2 * _RING, _RING, (0.09, 0.16, 0.09)),
}


def _surface(point: Callable[[float, float], Vertex], us: list[float], vs: list[float]) -> Patch:
    """A grid of quads over (u, v), split into triangles."""
    vertices = [point(u, v) for u in us for v in vs]
    faces: list[tuple[int, int, int]] = []
    n = len(vs)
    for i in range(len(us) - 1):
        for j in range(n - 1):
            a, b, c, d = i * n + j, (i + 1) * n + j, (i + 1) * n + j + 1, i * n + j + 1
            faces += [(a, b, c), (a, c, d)]
    return vertices, faces


def _merge(*patches: Patch) -> Patch:
    vertices: list[Vertex] = []
    faces: list[tuple[int, int, int]] = []
    for points, triangles in patches:
        base = len(vertices)
        vertices += points
        faces += [(a + base, b + base, c + base) for a, b, c in triangles]
    return vertices, faces


def _steps(low: float, high: float, count: int) -> list[float]:
    return [low + (high - low) * k / count for k in range(count + 1)]


def _ball() -> tuple[Patch, Patch]:
    """A sphere. Its stripe is a band about the x axis, through the poles, the front and the back."""

    def point(u: float, v: float) -> Vertex:
        return (
            RADIUS * math.sin(u),
            -RADIUS * math.cos(u) * math.sin(v),
            -RADIUS * math.cos(u) * math.cos(v),
        )

    around = _steps(0, 2 * math.pi, 20)
    band, pole = math.radians(13), math.pi / 2
    caps = _merge(_surface(point, _steps(-pole, -band, 5), around), _surface(point, _steps(band, pole, 5), around))
    return caps, _surface(point, _steps(-band, band, 2), around)


def _cube() -> tuple[Patch, Patch]:
    """A cube. Its stripe is the middle slab between the left and the right side."""
    band = 0.13

    def tube(low: float, high: float) -> Patch:
        corners = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        sides = []
        for (y0, z0), (y1, z1) in pairwise(corners):
            quad = [(x, y * _CUBE, z * _CUBE) for x in (low, high) for y, z in ((y0, z0), (y1, z1))]
            sides.append((quad, [(0, 2, 1), (1, 2, 3)]))
        flipped = [(q, [(a, c, b) for a, b, c in f]) for q, f in sides]
        return _merge(*flipped)

    def lid(x: float) -> Patch:
        quad = [(x, y * _CUBE, z * _CUBE) for y, z in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        return quad, [(0, 1, 2), (0, 2, 3)] if x > 0 else [(0, 2, 1), (0, 3, 2)]

    body = _merge(tube(-_CUBE, -band), tube(band, _CUBE), lid(-_CUBE), lid(_CUBE))
    return body, tube(-band, band)


def _revolve(profile: list[tuple[float, float]]) -> tuple[Patch, Patch]:
    """A solid of revolution of a (radius, z) profile, from bottom to top; the stripe is a wedge in front and behind."""

    def wedge(low: float, high: float, count: int) -> Patch:
        parts = []
        for (r0, z0), (r1, z1) in pairwise(profile):
            ends = ((r0, z0), (r1, z1))

            def point(u: float, v: float, ends: tuple[tuple[float, float], tuple[float, float]] = ends) -> Vertex:
                radius, z = ends[round(v)]
                return radius * math.cos(u), radius * math.sin(u), z

            parts.append(_surface(point, _steps(low, high, count), [0.0, 1.0]))
        return _merge(*parts)

    half, front, back = math.radians(24), -math.pi / 2, math.pi / 2
    body = _merge(wedge(front + half, back - half, 9), wedge(back + half, front + 2 * math.pi - half, 9))
    return body, _merge(wedge(front - half, front + half, 3), wedge(back - half, back + half, 3))


def _ring() -> tuple[Patch, Patch]:
    """A torus about the y axis. Its stripe is an arc at the top and one at the bottom."""

    def point(u: float, v: float) -> Vertex:
        radius = _RING_MAJOR + _RING_MINOR * math.cos(v)
        return radius * math.sin(u), _RING_MINOR * math.sin(v), radius * math.cos(u)

    around, half = _steps(0, 2 * math.pi, 12), math.radians(24)
    arcs = [_surface(point, _steps(a + half, a + math.pi - half, 8), around) for a in (0.0, math.pi)]
    marks = [_surface(point, _steps(a - half, a + half, 3), around) for a in (0.0, math.pi)]
    return _merge(*arcs), _merge(*marks)


def shape_patches() -> dict[str, tuple[Patch, Patch]]:
    """Body and stripe of every shape, as triangles that face outward; the origin is the centre of mass."""
    top, low = _CONE_HEIGHT - _CONE_CENTRE, -_CONE_CENTRE
    half = _CYLINDER_HEIGHT / 2
    return {
        "ball": _ball(),
        "cube": _cube(),
        "cone": _revolve([(0.0, low), (_CONE_RADIUS, low), (0.0, top)]),
        "cylinder": _revolve([(0.0, -half), (_CYLINDER_RADIUS, -half), (_CYLINDER_RADIUS, half), (0.0, half)]),
        "ring": _ring(),
    }


def mesh_assets() -> str:
    """MJCF of the meshes `<shape>` and `<shape>-stripe`, and of the collision solids of cone and cylinder."""
    cone = [*_rim(_CONE_RADIUS, -_CONE_CENTRE), (0.0, 0.0, _CONE_HEIGHT - _CONE_CENTRE)]
    cylinder = [p for z in (-_CYLINDER_HEIGHT / 2, _CYLINDER_HEIGHT / 2) for p in _rim(_CYLINDER_RADIUS, z)]
    solids = [
        f'<mesh name="{name}-solid" vertex="{_numbers(points)}"/>'
        for name, points in (("cone", cone), ("cylinder", cylinder))
    ]
    return "\n".join([*_meshes(), *solids])


def _rim(radius: float, z: float) -> list[Vertex]:
    return [(radius * math.cos(a), radius * math.sin(a), z) for a in _steps(0, 2 * math.pi, 16)[:-1]]


def _meshes() -> Iterator[str]:
    for shape, patches in shape_patches().items():
        for name, (vertices, faces) in zip((shape, f"{shape}-stripe"), patches, strict=True):
            triangles = " ".join(str(i) for face in faces for i in face)
            yield f'<mesh name="{name}" inertia="shell" vertex="{_numbers(vertices)}" face="{triangles}"/>'


def _numbers(vertices: list[Vertex]) -> str:
    return " ".join(f"{value:.5f}" for vertex in vertices for value in vertex)


_SOLIDS = {
    "ball": f'type="sphere" size="{RADIUS}"',
    "cube": f'type="box" size="{_CUBE} {_CUBE} {_CUBE}"',
    "cone": 'type="mesh" mesh="cone-solid"',
    # a 16-sided prism: stiff contacts throw MuJoCo's own upright cylinder about
    "cylinder": 'type="mesh" mesh="cylinder-solid"',
    # a flat disc instead of a torus: it stands upright and rolls like a wheel
    "ring": f'type="cylinder" size="{_RING} {_RING_MINOR * 0.9}" euler="90 0 0"',
}


def body(index: int) -> str:
    """MJCF of thing number `index`: a free body with the solid (group 3, invisible), skin and stripe of every shape."""
    lines = [f'<body name="thing{index}" pos="{10 * index} 0 1"><freejoint/>']
    lines.append('<inertial pos="0 0 0" mass="1" diaginertia="0.1 0.1 0.1"/>')
    for shape in SHAPES:
        lines.append(f'<geom name="solid{index}-{shape}" class="solid" {_SOLIDS[shape]}/>')
        lines.append(f'<geom name="skin{index}-{shape}" class="skin" type="mesh" mesh="{shape}"/>')
        lines.append(f'<geom name="stripe{index}-{shape}" class="skin" type="mesh" mesh="{shape}-stripe"/>')
    lines.append("</body>")
    return "\n".join(lines)
