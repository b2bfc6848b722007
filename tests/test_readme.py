"""The README tells the truth: its commands, options and models exist."""

import re
import shlex
import subprocess
import sys

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()
    if line.startswith("python ")
]  # fmt: skip


SCRIPTS = sorted(path.name for path in ROOT.glob("*_*.py"))
SECTIONS = re.split(r"^## ", README, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def help_texts(run):
    return {script: run(script, "--help").stdout for script in SCRIPTS}


def options_table(script: str) -> str:
    """Return the table of options in the section that shows how to run the script."""
    tables = [part for part in SECTIONS if f"\npython {script}" in part and "\n| option |" in part]
    assert tables, f"the README has no section with `python {script}` and a table of its options"
    return re.search(r"^\| option \|.*?\n\n", tables[0], re.DOTALL | re.MULTILINE)[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(command, run, tmp_path):
    _python, script, *arguments = shlex.split(command.replace("annotated/", str(tmp_path)))
    finished = run(script, *arguments)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout


def test_start_command_prints_what_the_readme_says(run):
    pattern = r"&& python (classify_image.py [^\n]*)\n```\n\n```\n(.*?)```"
    start, expected = re.search(pattern, README, re.DOTALL).groups()
    finished = run(*shlex.split(start))
    assert finished.stdout == expected


def test_compared_pictures_are_what_the_readme_says(run):
    command, expected = re.search(r"(compare_models.py [^\n]*)\n```\n\n```\n(.*?)\n\nmodel", README, re.DOTALL).groups()
    assert run(*shlex.split(command)).stdout.startswith(f"{expected}\n\n")


def test_test_command_is_what_ci_runs():
    command = re.search(r"^pip install .*pytest$", README, re.MULTILINE)[0]
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("script", SCRIPTS)
def test_options_are_all_there_and_no_others(script, help_texts):
    documented = re.findall(r"^\| `(?:-\w`, `)?(--[\w-]+)", options_table(script), re.MULTILINE)
    assert sorted(documented) == sorted(set(documented))
    assert set(documented) == set(re.findall(r"^  (?:-\w[^,]*, )?(--[\w-]+)", help_texts[script], re.MULTILINE))


def test_option_mentioned_exists(help_texts):
    known = re.findall(r"--[a-z][\w-]+", "".join(help_texts.values()))
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", README)) <= set(known)


def test_table_is_what_list_models_prints(classify):
    assert f"```\n{classify('--list-models').stdout}```" in README


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http|#)([^)]+)\)", README))
def test_linked_file_exists(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("picture", sorted((ROOT / "images").iterdir()), ids=lambda path: path.name)
def test_every_shipped_picture_has_a_licence(picture):
    assert re.search(rf"^\| .*images/{picture.name}.*\| (CC0|public domain) \|$", README, re.MULTILINE)


def test_python_version_is_the_one_required():
    required = re.search(r"With Python (\d+\.\d+) or newer", README)[1]
    assert f'requires-python = ">={required}"' in (ROOT / "pyproject.toml").read_text()
    assert sys.version_info >= tuple(map(int, required.split(".")))


def test_python_example_runs():
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    finished = subprocess.run([sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "images/coffee.png n07920052 espresso 0.95" in finished.stdout
