"""Where copies go: names of files that every system takes, of labels and of what is on the web."""

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote

from pathvalidate import sanitize_filename

LONGEST_STEM = 50  # characters, up to 200 bytes, of a name that a hash is added to; a name may have 255


def file_name(text: str) -> str:
    """Return a text as the name of a file or folder on every platform."""
    return sanitize_filename(text, replacement_text="_", platform="universal", max_len=200).strip(". ") or "_"


def place_of(url: str) -> Path:
    """Return the path below a folder of copies of what is at a URL: host/folders/name.

    A part of the URL's hash follows the name where that does not tell all: after a query, for example.
    """
    address, *rest = re.split("[?#]", url.partition("://")[2], maxsplit=1)
    host, *parts = address.split("/")
    names = [file_name(unquote(part)) for part in parts if part] or ["index"]
    path = Path(file_name(host.rpartition("@")[2]), *names)
    return path if parts == names and not rest else with_hash(path, url)


def with_hash(path: Path, source: str) -> Path:
    """Return a path with a part of a hash of its source in the name, which no other source has."""
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return path.with_name(f"{path.stem[:LONGEST_STEM]}-{digest}{path.suffix}")
