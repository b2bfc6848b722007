"""What a name is: a camera, a URL, in an object store, an archive, a video, or else a file, a folder or a pattern."""

import os
import re
from enum import Enum

from decoding.formats import ARCHIVE_SUFFIXES, VIDEO_SUFFIXES, split_member
from stores import is_stored

CAMERA = "camera:"
SCHEMES = ("http", "https")
STREAMS = ("rtsp", "rtsps")
FRAME = re.compile(r"(.+)#t=([0-9]+\.[0-9]{3})", re.DOTALL)  # as in media fragments (W3C), seconds
SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://|data:", re.IGNORECASE)
USER = re.compile(r"(?<=://)([^/?#]*@|[^/?#@\[\]]*:(?!\d*([/?#]|$)).*@)", re.DOTALL)  # / in a password may be unquoted
MOST_LETTERS = 60  # of a data: URL


class Kind(Enum):
    """What a name is."""

    PATH = "a file, a folder or a pattern"
    ARCHIVE = "an archive, or a file in one"
    VIDEO = "a video"
    CAMERA = "a camera"
    URL = "a picture on the web"
    STREAM = "a video on the web"
    WEB_ARCHIVE = "an archive on the web"
    STORED = "in an object store"
    OTHER_URL = "a URL that is not read"


FILES = (Kind.PATH, Kind.ARCHIVE, Kind.VIDEO)  # what is on this machine's disk


def is_camera(name: str) -> bool:
    """Return whether a name is that of a camera, such as camera:0."""
    return name.startswith(CAMERA) and name.removeprefix(CAMERA).isdecimal()


def kind_of(name: str) -> Kind:
    """Return what a name is, from how it is written; a folder is a folder, whatever its name ends in."""
    scheme = SCHEME.match(name)
    if scheme and (kind := _kind_of_url(name, (scheme[1] or "").lower())):
        return kind
    if is_camera(name):
        return Kind.CAMERA
    if split_member(name)[1]:
        return Kind.ARCHIVE
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


def shown(url: str) -> str:
    """Return a URL as it may be printed and stored: with *** for user and password, and without endless data."""
    if url.lower().startswith("data:") and len(url) > MOST_LETTERS:
        return f"{url[:MOST_LETTERS]}…"
    return USER.sub("***@", url)


def absolute(source: str, folder: str = os.curdir) -> str:
    """Return the absolute path of what is in a file, as seen from a folder; what is in none keeps its name."""
    return os.path.abspath(os.path.join(folder, source)) if is_on_disk(source) else source


def is_on_disk(source: str) -> bool:
    """Return whether what is called so is in a file of this machine, and no URL or camera."""
    return kind_of(source.partition("#")[0]) in FILES


def _kind_of_url(name: str, scheme: str) -> Kind | None:
    if scheme in STREAMS:
        return Kind.STREAM
    if scheme in SCHEMES:
        path = re.split("[?#]", name, maxsplit=1)[0]
        if path.lower().endswith(ARCHIVE_SUFFIXES):
            return Kind.WEB_ARCHIVE
        return Kind.STREAM if path.lower().endswith(VIDEO_SUFFIXES) else Kind.URL
    if os.path.lexists(name):
        return None
    return Kind.STORED if is_stored(name) else Kind.OTHER_URL
