"""HTML pages in one file each: style, script and pictures are inside, and nothing is fetched from anywhere.

The templates are in `drawing/page/`. All that is put into them is escaped, and the page's own
policy forbids a browser to fetch anything, or to run a script that is not the page's own.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from console.text import readable
from drawing.thumbnails import data_uri

FOLDER = Path(__file__).with_name("page")
STYLE, SCRIPT = "style.css", "sort.js"


def make_page(template: str, **content: Any) -> str:
    """Return a page: a template of `drawing/page/` filled with `content`."""
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
    script = (FOLDER / SCRIPT).read_text(encoding="utf-8")
    return environment.get_template(template).render(
        style=Markup((FOLDER / STYLE).read_text(encoding="utf-8")),
        script=Markup(script),
        policy=_policy(script),
        **content,
    )


def _percent(share: float, digits: int = 1) -> str:
    return f"{share:.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
