"""Which containers are opened: those that hold their pictures, not those that name other files or addresses.

A playlist is a file like any other to FFmpeg: it would open whatever the playlist names, and a stranger's upload could
read files of this machine, or reach into its network. Knows nothing of codecs.
"""

from __future__ import annotations

from typing import Final

from av import formats_available

REFERRING: Final = frozenset(
    {
        # Playlists, manifests and scripts.
        *("hls", "applehttp", "dash", "concat", "imf", "avisynth", "avs", "vapoursynth", "lavfi", "vobsub"),
        *("webm_dash_manifest", "tty", "ffmetadata"),
        # Descriptions of network streams.
        *("rtp", "rtsp", "sdp", "sap", "live_flv", "mmsh", "rtmp"),
        # Devices.
        *("fbdev", "kmsgrab", "x11grab", "video4linux2,v4l2", "alsa", "oss", "sndio", "pulse", "jack", "xcbgrab"),
        *("avfoundation", "dshow", "gdigrab", "vfwcap", "openal", "iec61883", "android_camera", "libcdio"),
    }
)
"""Formats whose contents name what else is to be opened."""
CONTAINERS: Final = {
    "format_whitelist": ",".join(sorted(formats_available - REFERRING)),
    # A picture named ``a%d.jpg`` would else stand for all of ``a0.jpg``, ``a1.jpg`` ...
    "pattern_type": "none",
}
"""FFmpeg's options that open every other format (it has none that names the refused ones), and only the file named."""
