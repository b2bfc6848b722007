"""The README tells the truth: its commands, options and models exist."""

import re
import shlex
import sys

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()
    if line.startswith("python ")
]  # fmt: skip


@pytest.fixture(scope="module")
def help_text(classify):
    return classify("--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(command, run, tmp_path):
    _python, script, *arguments = shlex.split(command.replace("annotated/", str(tmp_path)))
    finished = run(script, *arguments)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout


def test_start_command_prints_what_the_readme_says(run):
    start, expected = re.search(r"&& python (classify_image.py .*)\n```\n\n```\n(.*?)```", README, re.DOTALL).groups()
    finished = run(*shlex.split(start))
    assert finished.stdout == expected


def test_test_command_is_what_ci_runs():
    command = re.search(r"^pip install .*pytest$", README, re.MULTILINE)[0]
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_options_are_all_there_and_no_others(help_text):
    documented = set(re.findall(r"^\| `(?:-\w`, `)?(--[\w-]+)", README, re.MULTILINE)) - {"--resize`"}
    assert documented == set(re.findall(r"^  (?:-\w[^,]*, )?(--[\w-]+)", help_text, re.MULTILINE))


def test_option_mentioned_exists(help_text):
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", README)) <= set(re.findall(r"--[a-z][\w-]+", help_text))


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
