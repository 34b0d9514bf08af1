"""Pictures with colour profiles, in a process of their own: what goes wrong with them ends the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageCms

READ = """
import gc, sys
from pathlib import Path
from langit import video
from langit.release.pictures import first_frames
path = Path(sys.argv[1])
print(len(list(first_frames(path))), [frame.shape for frame in video.stream(path)])
gc.collect()
"""


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_png_with_a_profile_is_read_and_the_process_lives(tmp_path: Path, mode: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.new("RGBA" if mode == "RGBA" else "RGB", (48, 32), (200, 30, 30)).convert(mode)
    picture.save(tmp_path / "a.png", icc_profile=profile)
    run = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / "a.png")], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (0, "1 [(32, 48, 3)]\n"), run.stderr
