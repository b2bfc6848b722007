"""Where copies go: names of files that every system takes, of labels, of what is in archives and on the web."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import unquote

from pathvalidate import sanitize_filename

from sources.named import is_on_disk

LONGEST_STEM = 50  # characters, up to 200 bytes, of a name that a hash is added to; a name may have 255


def file_name(text: str) -> str:
    """Return a text as the name of a file or folder on every platform."""
    return _safe(text).strip(". ") or "_"


def _safe(text: str) -> str:
    return sanitize_filename(text, replacement_text="_", platform="universal", max_len=200)


def place_of(source: str, root: str = os.sep) -> Path:
    """Return where a picture's copy goes in a folder that mirrors the folder `root` of the inputs.

    What lies elsewhere has its whole path there. The path of what is no file is made safe for any system. What is on
    the web goes to host/folders/name, and a part of the URL's hash follows the name where that does not tell
    all: after a query, for example.
    """
    if not is_on_disk(source):
        return _place_of_url(source)
    path = Path(os.path.abspath(source))
    place = path.relative_to(root if path.is_relative_to(root) else path.anchor)
    return place if os.path.lexists(path) else Path(*map(_safe, place.parts))


def _place_of_url(url: str) -> Path:
    address, *rest = re.split("[?#]", url.partition("://")[2], maxsplit=1)
    host, *parts = address.split("/")
    names = [file_name(unquote(part)) for part in parts if part] or ["index"]
    path = Path(file_name(host.rpartition("@")[2]), *names)
    return path if parts == names and not rest else with_hash(path, url)


def with_hash(path: Path, source: str) -> Path:
    """Return a path with a part of a hash of its source in the name, which no other source has."""
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return path.with_name(f"{path.stem[:LONGEST_STEM]}-{digest}{path.suffix}")
