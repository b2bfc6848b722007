"""What a name is: a camera, a URL, an archive, a video, or else a file, a folder or a pattern."""

import os
from enum import Enum
from urllib.parse import urlsplit

from decoding.formats import ARCHIVE_SUFFIXES, VIDEO_SUFFIXES

CAMERA = "camera:"
SCHEMES = ("http", "https")
STREAMS = ("rtsp", "rtsps")


class Kind(Enum):
    """What a name is."""

    PATH = "a file, a folder or a pattern"
    ARCHIVE = "an archive"
    VIDEO = "a video"
    CAMERA = "a camera"
    URL = "a picture on the web"
    STREAM = "a video on the web"


FILES = (Kind.PATH, Kind.ARCHIVE, Kind.VIDEO)  # what is on this machine's disk


def is_camera(name: str) -> bool:
    """Return whether a name is that of a camera, such as camera:0."""
    return name.startswith(CAMERA) and name.removeprefix(CAMERA).isdecimal()


def kind_of(name: str) -> Kind:
    """Return what a name is, from how it is written; a folder is a folder, whatever its name ends in."""
    scheme, is_url, _rest = name.partition("://")
    if is_url and scheme.lower() in (*SCHEMES, *STREAMS):
        is_video = scheme.lower() in STREAMS or urlsplit(name).path.lower().endswith(VIDEO_SUFFIXES)
        return Kind.STREAM if is_video else Kind.URL
    if is_camera(name):
        return Kind.CAMERA
    if not name.lower().endswith((*ARCHIVE_SUFFIXES, *VIDEO_SUFFIXES)) or os.path.isdir(name):
        return Kind.PATH
    return Kind.VIDEO if name.lower().endswith(VIDEO_SUFFIXES) else Kind.ARCHIVE
