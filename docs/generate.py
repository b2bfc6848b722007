"""Write the parts of the documentation that the code knows best.

    python docs/generate.py            write them
    python docs/generate.py --check    write nothing; exit with 1 when a page is not what would be written

docs/options.md has a table of every script's options, read from its parser. The table of models in
docs/models.md is what --list-models prints.
"""

import argparse
import contextlib
import importlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SCRIPTS = (
    "classify_image",
    "train_classifier",
    "evaluate_classifier",
    "compare_models",
    "export_model",
    "find_similar",
    "benchmark_models",
    "check_gpu",
)
OPTIONS_PAGE, MODELS_PAGE = ROOT / "docs" / "options.md", ROOT / "docs" / "models.md"
OPENING = """\
# All options

`python docs/generate.py` writes this page from the scripts' own parsers, so it says what `--help` says.
A value in brackets may be left out; `...` means that there may be several.
"""
DEFAULT = r"\(default: ((?:[^()]|\([^()]*\))*)\)"  # in a help text; may hold one more pair of parentheses
REGISTRY = r"(<!-- --list-models -->\n```\n).*?(```\n)"


def parser_of(script: str) -> argparse.ArgumentParser:
    """Return a script's parser, by the script's name without .py."""
    return importlib.import_module(script).make_parser()


def options_page() -> str:
    """Return docs/options.md: a table for each script."""
    return "\n".join([OPENING, *("\n".join(section(script)) for script in SCRIPTS)])


def section(script: str) -> Iterator[str]:
    """Yield the lines of one script's part."""
    yield from (f"## {script}.py", "", f"[What it does, with examples]({script}.md)", "")
    yield from ("| option | values | default | meaning |", "|---|---|---|---|")
    groups = parser_of(script)._action_groups
    for group in sorted(groups, key=lambda group: group.title == "options"):  # that of --help comes last
        rows = [row(action) for action in group._group_actions if action.help != argparse.SUPPRESS]
        if rows and group.title not in ("options", "positional arguments"):
            yield f"| **{escape(group.title or '')}** | | | |"
        yield from rows
    yield ""


def row(action: argparse.Action) -> str:
    """Return the line of one option."""
    text = (action.help or "") % (vars(action) | {"prog": "the script"})
    default = re.search(DEFAULT, text)
    meaning = " ".join(re.sub(DEFAULT, "", text).split())
    names, value = ", ".join(f"`{name}`" for name in action.option_strings), values(action)
    if not names:  # pictures are given without an option
        names, value = value, ""
    return f"| {names} | {value} | {escape(default[1]) if default else ''} | {escape(meaning)} |"


def values(action: argparse.Action) -> str:
    """Return what may follow an option: its choices, or what its value is called."""
    if action.nargs == 0:
        return ""
    metavar = action.metavar or action.dest.upper()
    if isinstance(metavar, tuple):
        return f"`{' '.join(metavar)}`"
    choices = list(map(str, action.choices or metavar.split("|")))
    text = ", ".join(f"`{choice}`" for choice in choices)
    if len(choices) > 1 and action.nargs in ("+", "*"):
        return f"{'one or several' if action.nargs == '+' else 'none or several'} of {text}"
    if action.nargs in ("+", "*"):
        text = f"`{choices[0]} ...`"
    return f"[{text}]" if action.nargs in ("?", "*") else text


def escape(text: str) -> str:
    """Return text for a cell of a Markdown table."""
    return re.sub(r"([*|<\[\]])", r"\\\1", text)


def models_page() -> str:
    """Return docs/models.md with the table that --list-models prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        parser_of("classify_image").parse_args(["--list-models"])
    page = MODELS_PAGE.read_text(encoding="utf-8")
    return re.sub(REGISTRY, lambda match: match[1] + printed.getvalue() + match[2], page, count=1, flags=re.DOTALL)


def main() -> int:
    """Write the pages, or with --check compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a page is out of date")
    args = parser.parse_args()
    pages = {OPTIONS_PAGE: options_page(), MODELS_PAGE: models_page()}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if args.check:
            print(f"{path.relative_to(ROOT)} is out of date; run python docs/generate.py", file=sys.stderr)
        else:
            path.write_text(pages[path], encoding="utf-8")
    return 1 if args.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
