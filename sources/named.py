"""What a name is: a camera, a URL, an archive, a video, or else a file, a folder or a pattern."""

import os
import re
from enum import Enum
from urllib.parse import urlsplit

from decoding.formats import ARCHIVE_SUFFIXES, VIDEO_SUFFIXES

CAMERA = "camera:"
SCHEMES = ("http", "https")
STREAMS = ("rtsp", "rtsps")
FRAME = re.compile(r"(.+)#t=([0-9]+\.[0-9]{3})", re.DOTALL)  # as in media fragments (W3C), seconds
PASSWORD = re.compile(r"^(\w+://[^/?#@:]*):[^/?#]*@")


class Kind(Enum):
    """What a name is."""

    PATH = "a file, a folder or a pattern"
    ARCHIVE = "an archive"
    VIDEO = "a video"
    CAMERA = "a camera"
    URL = "a picture on the web"
    STREAM = "a video on the web"


FILES = (Kind.PATH, Kind.ARCHIVE, Kind.VIDEO)  # what is on this machine's disk


def kind_of(name: str) -> Kind:
    """Return what a name is, from how it is written; a folder is a folder, whatever its name ends in."""
    scheme, is_url, _rest = name.partition("://")
    if is_url and scheme.lower() in (*SCHEMES, *STREAMS):
        is_video = scheme.lower() in STREAMS or urlsplit(name).path.lower().endswith(VIDEO_SUFFIXES)
        return Kind.STREAM if is_video else Kind.URL
    if name.startswith(CAMERA) and name.removeprefix(CAMERA).isdecimal():
        return Kind.CAMERA
    if not name.lower().endswith((*ARCHIVE_SUFFIXES, *VIDEO_SUFFIXES)) or os.path.isdir(name):
        return Kind.PATH
    return Kind.VIDEO if name.lower().endswith(VIDEO_SUFFIXES) else Kind.ARCHIVE


def name_frame(video: str, milliseconds: int) -> str:
    """Return what a frame of a video is called, such as "clip.mp4#t=12.480"."""
    return f"{video}#t={milliseconds / 1000:.3f}"


def frame_of(name: str) -> tuple[str, float] | None:
    """Return the video's file that a frame is of, and its time in seconds; None for what is called otherwise."""
    match = FRAME.fullmatch(name)
    return (match[1], float(match[2])) if match and kind_of(match[1]) is Kind.VIDEO else None


def without_password(url: str) -> str:
    """Return a URL as it may be shown: three stars in the place of the password."""
    return PASSWORD.sub(r"\1:***@", url)
