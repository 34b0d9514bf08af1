"""Video files to frames and back. Knows nothing of models, captions or rights."""

from langit.video.decoder import HDR, LARGEST, PLANAR_8, Picture, VideoInfo, pictures, probe, read, stream
from langit.video.encoder import ENCODER, check_encoder, encode, write

__all__ = [
    "ENCODER",
    "HDR",
    "LARGEST",
    "PLANAR_8",
    "Picture",
    "VideoInfo",
    "check_encoder",
    "encode",
    "pictures",
    "probe",
    "read",
    "stream",
    "write",
]
