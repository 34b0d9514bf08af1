"""Chooses how MuJoCo draws without a screen, before it is first imported, and says what to install where it cannot.

OSMesa on the processor; EGL where there is an NVIDIA device. `MUJOCO_GL` decides if it is set.
"""

import os
from pathlib import Path

if "MUJOCO_GL" not in os.environ:
    os.environ["MUJOCO_GL"] = "egl" if Path("/dev/nvidia0").exists() else "osmesa"
    # one thread a process: many processes draw side by side
    os.environ.setdefault("LP_NUM_THREADS", "0")

BACKEND = os.environ["MUJOCO_GL"]


def unusable(error: Exception) -> OSError:
    """What to tell a person whose OpenGL failed with `error`."""
    return OSError(f"MUJOCO_GL={BACKEND} cannot draw here ({error}): set MUJOCO_GL=osmesa and install libosmesa6")


try:
    import mujoco

    mujoco.GLContext  # noqa: B018  # not there where MUJOCO_GL says off
    from OpenGL.error import Error as GLError  # after MuJoCo, which tells PyOpenGL what to load
except ModuleNotFoundError:  # not installed, which is another matter
    raise
except (AttributeError, ImportError, OSError, RuntimeError) as error:  # from PyOpenGL without its library, or MuJoCo
    if BACKEND != "osmesa":
        raise unusable(error) from error
    raise OSError("OSMesa, which draws the worlds, cannot be loaded: apt-get install libosmesa6") from error

__all__ = ["BACKEND", "GLError", "mujoco", "unusable"]
