"""Chooses MuJoCo's off-screen OpenGL before MuJoCo is first imported, and explains what to install if it fails.

EGL with an NVIDIA device, else OSMesa on the CPU. The variable `MUJOCO_GL` overrides the choice.
"""

import os
from pathlib import Path

if "MUJOCO_GL" not in os.environ:
    os.environ["MUJOCO_GL"] = "egl" if Path("/dev/nvidia0").exists() else "osmesa"
    # one LLVMpipe thread for each process, because the farm runs many processes
    os.environ.setdefault("LP_NUM_THREADS", "0")

BACKEND = os.environ["MUJOCO_GL"]


def opengl_error(error: Exception) -> OSError:
    """Build the error that explains how to fix OpenGL."""
    return OSError(f"MUJOCO_GL={BACKEND} cannot draw here ({error}): set MUJOCO_GL=osmesa and install libosmesa6")


try:
    import mujoco

    mujoco.GLContext  # noqa: B018  # absent if MUJOCO_GL is "off"
    from OpenGL.error import Error as GLError  # after MuJoCo, which configures PyOpenGL
except ModuleNotFoundError:  # MuJoCo is not installed: the plain error says so
    raise
except (AttributeError, ImportError, OSError, RuntimeError) as error:  # PyOpenGL without its library, or MuJoCo
    if BACKEND != "osmesa":
        raise opengl_error(error) from error
    raise OSError("OSMesa, which draws the worlds, cannot be loaded: apt-get install libosmesa6") from error

__all__ = ["BACKEND", "GLError", "mujoco", "opengl_error"]
