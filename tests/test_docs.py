"""The documentation tells the truth: commands run, options exist, links resolve, messages are those of the code."""

import ast
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from benchmark import cluster, duplicates, exports, gallery, heads, heat, killed, search, suspects
from benchmark import map as map_benchmark
from benchmark.table import COLUMNS

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}
README = PAGES["README.md"]
SCRIPTS = sorted(path.stem for path in ROOT.glob("*_*.py"))
PARSERS = {script: importlib.import_module(script).make_parser() for script in SCRIPTS}
OPTIONS = {script: {*parser._option_string_actions} for script, parser in PARSERS.items()}
BENCHMARK_OPTIONS = {  # of `python -m benchmark.heads` and the like
    option
    for module in (cluster, duplicates, exports, gallery, heads, heat, killed, map_benchmark, search, suspects)
    for option in module.make_parser()._option_string_actions
}
OTHERS_OPTIONS = {  # of pip, docker, tensorboard and ray
    "--force-reinstall", "--upgrade", "--gpus", "--logdir", "--address", "--generate", "--head", "--port",
}  # fmt: skip

FENCE = r"^```(\w*)\n(.*?)^```$"
BLOCKS = [
    (page, match[1], match[2]) for page, text in PAGES.items() for match in re.finditer(FENCE, text, re.DOTALL | re.M)
]
COMMAND = r"(?:^|&& )python (\w+)\.py ?(.*)$"
COMMANDS = [  # in blocks that are for a shell: they run
    command for _page, kind, text in BLOCKS if kind == "sh" for command in re.findall(COMMAND, text, re.M)
]  # fmt: skip
SHOWN = {
    re.search(COMMAND, block).groups(): output
    for text in PAGES.values()
    for block, output in re.findall(r"^```sh\n([^\n]*)\n```\n\n```\n(.*?)^```$", text, re.DOTALL | re.M)
    if re.search(COMMAND, block)
}
MENTIONED = [  # anywhere: their options exist
    (page, script, arguments)
    for page, text in PAGES.items()
    for script, arguments in re.findall(r"\bpython (\w+)\.py ?([^`\n]*)", text)
]
LINKS = [
    (page, link) for page, text in PAGES.items()
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(FENCE, "", text, flags=re.DOTALL | re.M))
]  # fmt: skip
EXAMPLES = [(page, text) for page, kind, text in BLOCKS if kind == "python"]


def test_readme_can_be_read():
    assert len(README.encode()) <= 8000
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize(("script", "arguments"), [command for command in COMMANDS if command not in SHOWN])
def test_command_runs(script, arguments, run, tmp_path):
    finished = run(f"{script}.py", *shlex.split(arguments.replace("annotated/", str(tmp_path))))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout


@pytest.mark.parametrize(("script", "arguments"), SHOWN)
def test_command_prints_what_is_shown(script, arguments, run):
    """A last line of three dots stands for what differs from run to run."""
    expected, printed = SHOWN[script, arguments], run(f"{script}.py", *shlex.split(arguments)).stdout
    if expected.endswith("\n...\n"):
        expected = expected.removesuffix("...\n")
        printed = printed[: len(expected)]
    assert printed == expected


@pytest.mark.parametrize(("page", "script", "arguments"), MENTIONED)
def test_command_has_a_script_and_its_options(page, script, arguments):
    if script != "generate":
        words = shlex.split(arguments.partition(" | ")[0])
        assert {word.partition("=")[0] for word in words if word[:1] == "-"} - {"-"} <= OPTIONS[script]


def test_something_of_every_kind_was_found():
    """So that the tests above test something."""
    assert {script for _page, script, _arguments in MENTIONED} >= {*SCRIPTS}
    assert len(COMMANDS) > len(SHOWN) > 3
    assert EXAMPLES


def test_test_command_is_what_ci_runs():
    command = re.search(r"^pip install .*pytest$", README, re.M)[0]
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()
    assert command in PAGES["CONTRIBUTING.md"].splitlines()


def test_github_runs_ci():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert "run: .ci/run\n" in workflow
    required = re.search(r'requires-python = ">=(.*)"', (ROOT / "pyproject.toml").read_text())[1]
    assert f'"{required}"' in workflow


@pytest.mark.parametrize("page", PAGES)
def test_option_mentioned_exists(page):
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", PAGES[page]))
    assert mentioned <= set.union(*OPTIONS.values(), BENCHMARK_OPTIONS, OTHERS_OPTIONS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_has_its_page(script):
    assert f"](docs/{script}.md)" in README
    assert f"](options.md#{script}py)" in PAGES[f"docs/{script}.md"]
    assert f"## {script}.py\n" in PAGES["docs/options.md"]


def test_generated_pages_are_up_to_date(run):
    """On a machine with another number of cores, another backend and another cache, too."""
    elsewhere = {"KERAS_BACKEND": "torch", "XDG_CACHE_HOME": "/elsewhere", "COLUMNS": "40"}
    finished = run("docs/generate.py", "--check", **elsewhere)
    assert finished.returncode == 0, finished.stderr
    assert "the number of cores, at most 4" in PAGES["docs/options.md"]
    assert "\n<!-- --list-models -->\n```\nname " in PAGES["docs/models.md"]


def test_options_page_has_every_option():
    parts = re.split(r"^## (\w+)\.py$", PAGES["docs/options.md"], flags=re.M)
    found = {script: set(re.findall(r"`(--?[\w-]+)`", part)) for script, part in zip(parts[1::2], parts[2::2])}  # noqa: B905
    assert {script: options - found[script] for script, options in OPTIONS.items()} == {name: set() for name in SCRIPTS}


def test_every_column_of_the_benchmark_is_explained():
    explained = set(re.findall(r"`(\w+)`", PAGES["docs/benchmark_models.md"]))
    assert {column.quantity for column in COLUMNS} <= explained


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda value: value)
def test_link_resolves(page, link):
    if link.startswith("http"):
        return
    path, _hash, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
        assert anchor in map(anchor_of, headings)


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_page_is_linked_from_the_readme():
    linked = {link.partition("#")[0] for page, link in LINKS if page == "README.md"}
    assert set(PAGES) - {"README.md"} <= linked


@pytest.mark.parametrize("picture", sorted((ROOT / "images").iterdir()), ids=lambda path: path.name)
def test_every_shipped_picture_has_a_licence(picture):
    row = rf"^\| .*images/{picture.name}.*\| (CC0|public domain) \|$"
    assert re.search(row, PAGES["docs/licences.md"], re.M)


def test_python_version_is_the_one_required():
    required = re.search(r"With Python (\d+\.\d+) or newer", README)[1]
    assert f'requires-python = ">={required}"' in (ROOT / "pyproject.toml").read_text()
    assert sys.version_info >= tuple(map(int, required.split(".")))


@pytest.mark.parametrize("page", sorted({page for page, _text in EXAMPLES}))
def test_python_examples_run(page):
    """All of a page's, one after the other; what is shown below the last one is what they print."""
    program = "\n".join(text for other, text in EXAMPLES if other == page)
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    shown = re.search(rf"{re.escape(program[-40:])}```\n\n```\n(.*?)```", PAGES[page], re.DOTALL)[1]
    assert finished.stdout.endswith(shown)


# The messages in docs/troubleshooting.md, in which "…" stands for what differs, against those in the code.

RAISED = ("UsageError", "ImageError", "error", "ArgumentTypeError", "warning")  # what a message is given to
LEAST_LETTERS = 5  # of a message that has words of its own: "error: …: …" hands on another one
FORMAT_CODES = r"%[-+ #0-9.,]*[a-z]"
QUOTED = re.findall(r"^\| `([^`]+)` \|", PAGES["docs/troubleshooting.md"], re.M)
PATTERNS = {quoted: ".*".join(map(re.escape, quoted.split("…"))) for quoted in QUOTED}


def code_files() -> list[Path]:
    names = subprocess.check_output(["git", "ls-files", "*.py", ":!tests", ":!docs"], cwd=ROOT, text=True).split()
    return [ROOT / name for name in names]


def text_of(node: ast.AST) -> str | None:
    """Return a string in the code, with an ellipsis for each value that is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "…" for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(FORMAT_CODES, "…", node.value)
    return None


def raised_messages() -> dict[str, str]:
    """Return the messages of errors and warnings, by where they are in the code."""
    found = {}
    for path in code_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                text = text_of(node.args[0])
                if name in RAISED and text and len(re.findall("[a-z]", text)) > LEAST_LETTERS:
                    found[f"{path.relative_to(ROOT)}:{node.lineno}"] = text
    return found


@pytest.fixture(scope="module")
def strings():
    """All strings in the code."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in code_files()]
    return "\n".join(text for tree in trees for node in ast.walk(tree) if (text := text_of(node)))


@pytest.mark.parametrize("quoted", QUOTED)
def test_quoted_message_is_in_the_code(quoted, strings):
    assert re.search(f"^{PATTERNS[quoted]}", strings, re.M)


def test_every_message_is_explained():
    missing = {
        place: text
        for place, text in raised_messages().items()
        if not any(re.match(pattern, text) for pattern in PATTERNS.values())
    }
    assert missing == {}
