"""Draws a stage with MuJoCo's OpenGL renderer: off screen, at twice the size, averaged down and slightly blurred.

The process keeps one OpenGL context, and one drawing surface for each model and size.
"""

import atexit
from functools import cache

import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt32

from langit.worlds import camera, stage
from langit.worlds.opengl import GLError, mujoco, opengl_error

SUPERSAMPLING = 2
_NEAR, _FAR = 0.05, 400.0


def _blur(values: UInt32[np.ndarray, "H W 3"], axis: int) -> UInt32[np.ndarray, "H W 3"]:
    """Apply a 1-2-1 filter along an axis, edges repeated; the result is 4 times as large as the mean.

    Like a lens that does not resolve single pixels; an autoencoder learns such pictures more easily.
    """
    wide = np.take(values, np.clip(np.arange(-1, values.shape[axis] + 1), 0, values.shape[axis] - 1), axis=axis)
    first, middle, last = (np.take(wide, np.arange(k, k + values.shape[axis]), axis=axis) for k in range(3))
    blurred: UInt32[np.ndarray, "H W 3"] = first + 2 * middle + last
    return blurred


@cache
def _context() -> mujoco.GLContext:
    try:
        context = mujoco.GLContext(16, 16)
        context.make_current()
    except (AttributeError, ImportError, OSError, RuntimeError, GLError) as error:
        raise opengl_error(error) from error
    atexit.register(context.free)  # after atexit the interpreter can no longer call OpenGL
    return context


class Easel:
    """A drawing surface for one model at one size.

    It draws at most `geoms` (up to 255) of the model's geoms at once. `things` gives the thing that each body belongs
    to, 0 for none; by default a body's own number.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        height: int,
        width: int,
        geoms: int = 50,
        things: UInt8[np.ndarray, " bodies"] | None = None,
    ) -> None:
        assert geoms < 256, geoms
        _context()
        self._model = model
        self._thing_of = np.arange(model.nbody) if things is None else things
        self._height, self._width = height, width
        self._model.vis.global_.offwidth = SUPERSAMPLING * width
        self._model.vis.global_.offheight = SUPERSAMPLING * height
        try:
            self._surface = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        except mujoco.FatalError as error:
            raise opengl_error(error) from error
        self._scene = mujoco.MjvScene(self._model, maxgeom=geoms)
        self._options = mujoco.MjvOption()
        self._free = mujoco.MjvCamera()

    def activate(self) -> None:
        """Make this the current drawing surface; call it before each film."""
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._surface)

    @staticmethod
    @cache
    def for_stage(ground: str, sky: str, height: int, width: int) -> "Easel":
        """The process's easel for this stage and size."""
        return Easel(stage.model(ground, sky), height, width)

    def aim(self, data: mujoco.MjData, view: Float[np.ndarray, "10"], centre: Float[np.ndarray, "3"]) -> None:
        """Set up the scene of `data.qpos` and a camera row in world axes; the light follows the stage."""
        light = self._model.light("sun")
        light.pos[:] = centre - 5.0 * light.dir / np.linalg.norm(light.dir)
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_camlight(self._model, data)
        everything = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(self._model, data, self._options, None, self._free, everything, self._scene)
        half_width, half_height = camera.lens(float(view[9]), self._height, self._width)
        for eye in self._scene.camera:
            eye.pos, eye.forward, eye.up = view[:3], view[3:6], view[6:9]
            eye.frustum_center, eye.frustum_width = 0.0, half_width * _NEAR
            eye.frustum_bottom, eye.frustum_top = -half_height * _NEAR, half_height * _NEAR
            eye.frustum_near, eye.frustum_far = _NEAR, _FAR

    def draw(self) -> tuple[UInt8[np.ndarray, "H W 3"], UInt8[np.ndarray, "H W"]]:
        """The picture, and the thing (1, 2; 0 for none) that each pixel shows."""
        n = SUPERSAMPLING
        fine = self._paint(n * self._height, n * self._width)
        parts = fine.reshape(self._height, n, self._width, n, 3).sum(axis=(1, 3), dtype=np.uint32)
        for axis in (0, 1):
            parts = _blur(parts, axis)
        weight = 16 * n * n
        return ((parts + weight // 2) // weight).astype(np.uint8), self._thing_masks()

    def _paint(self, height: int, width: int) -> UInt8[np.ndarray, "rows columns 3"]:
        view, pixels = mujoco.MjrRect(0, 0, width, height), np.empty((height, width, 3), np.uint8)
        mujoco.mjr_render(view, self._scene, self._surface)
        mujoco.mjr_readPixels(pixels, None, view, self._surface)
        return pixels[::-1]

    def _thing_masks(self) -> UInt8[np.ndarray, "H W"]:
        flags = self._scene.flags
        kinds = mujoco.mjtRndFlag
        before = flags.copy()
        flags[kinds.mjRND_SEGMENT.value], flags[kinds.mjRND_IDCOLOR.value] = 1, 1
        flags[kinds.mjRND_SHADOW.value], flags[kinds.mjRND_SKYBOX.value] = 0, 0
        code = self._paint(self._height, self._width)[..., 0]  # fewer than 256 geoms: the first byte is the id
        flags[:] = before
        table = np.zeros(256, np.uint8)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM.value:
                table[geom.segid + 1] = self._thing_of[self._model.geom_bodyid[geom.objid]]
        things: UInt8[np.ndarray, "H W"] = table[code]
        return things

    def depth(self) -> Float32[np.ndarray, "H W"]:
        """Depth in metres along the view; the distance of the far plane for the sky."""
        view = mujoco.MjrRect(0, 0, self._width, self._height)
        raw = np.empty((self._height, self._width), np.float32)  # OpenGL's nonlinear depth in [0, 1]
        mujoco.mjr_render(view, self._scene, self._surface)
        mujoco.mjr_readPixels(None, raw, view, self._surface)
        depth = raw[::-1].astype(np.float64)  # OpenGL's rows run upward
        metres: Float32[np.ndarray, "H W"] = (_NEAR * _FAR / (_FAR - depth * (_FAR - _NEAR))).astype(np.float32)
        return metres
