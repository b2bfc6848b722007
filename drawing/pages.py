"""HTML pages in one file each: style, script and pictures are inside, and nothing is fetched from anywhere.

The templates are in `drawing/page/`. All that is put into them is escaped, and the page's own
policy forbids a browser to fetch anything, or to run a script that is not the page's own.
"""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from console.text import readable
from drawing.thumbnails import data_uri

FOLDER = Path(__file__).with_name("page")
STYLE = "style.css"  # of all pages
TABLES, GALLERY, FOUND, MAP = "tables", "gallery", "found", "map"  # kinds of pages
PARTS = {  # what a kind has of its own: scripts, one after the other, and style
    TABLES: ("sort.js",),
    GALLERY: ("gallery.css", "run.js", "gallery.js"),
    FOUND: ("gallery.css", "found.css", "found.js", "gallery.js"),
    MAP: ("map.css", "map.js", "map_view.js"),
}


def make_page(template: str, **content: Any) -> str:
    """Return a page with tables that can be sorted: a template of `drawing/page/` filled with `content`."""
    return "".join(stream_page(template, **content))


def stream_page(template: str, kind: str = TABLES, images: str = "data:", **content: Any) -> Iterator[str]:
    """Yield a page piece by piece, for one that is large; `images` is where its policy lets pictures come from."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "jpeg": data_uri,
        "svg": lambda data: data_uri(data, "image/svg+xml"),
        "readable": readable,
    }
    script = "".join(_read(name) for name in PARTS[kind] if name.endswith(".js"))
    style = "".join(_read(name) for name in (STYLE, *PARTS[kind]) if name.endswith(".css"))
    yield from environment.get_template(template).generate(
        style=Markup(style), script=Markup(script), policy=_policy(script, images), **content
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _percent(share: float, digits: int = 1) -> str:
    return f"{share:.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")


def _policy(script: str, images: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src {images}; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
