"""What a name is: a camera, a URL, an archive, a video, or else a file, a folder or a pattern."""

import os
from enum import Enum
from urllib.parse import urlsplit

from decoding.formats import ARCHIVE_SUFFIXES, VIDEO_SUFFIXES, split_member

CAMERA = "camera:"
SCHEMES = ("http", "https")
STREAMS = ("rtsp", "rtsps")


class Kind(Enum):
    """What a name is."""

    PATH = "a file, a folder or a pattern"
    ARCHIVE = "an archive, or a file in one"
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
    if split_member(name)[1]:
        return Kind.ARCHIVE
    if not name.lower().endswith((*ARCHIVE_SUFFIXES, *VIDEO_SUFFIXES)) or os.path.isdir(name):
        return Kind.PATH
    return Kind.VIDEO if name.lower().endswith(VIDEO_SUFFIXES) else Kind.ARCHIVE
