"""Video files to frames and back. It knows nothing of models, captions or rights."""

from langit.video.decoder import PLANAR_8, DecodedFrame, decode, read, stream
from langit.video.encoder import ENCODER, check_encoder, encode, write
from langit.video.orientation import orientation_of
from langit.video.probe import HDR, VideoInfo, probe
from langit.video.source import LARGEST

__all__ = [
    "ENCODER",
    "HDR",
    "LARGEST",
    "PLANAR_8",
    "DecodedFrame",
    "VideoInfo",
    "check_encoder",
    "decode",
    "encode",
    "orientation_of",
    "probe",
    "read",
    "stream",
    "write",
]
