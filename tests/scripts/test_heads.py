"""python -m benchmark.heads: what is drawn, how it is judged, and the tables for a small folder."""

import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import FRAMEWORKS, ROOT, imported
from PIL import Image

from benchmark.cases import Case, Samples, draw_case, plan_draws
from benchmark.heads import NAME_WIDTH, judge
from benchmark.rivals import RIVALS, make_task
from classifiers.manifest import Picture
from errors import UsageError

COLOURS = {"blue": (0, 0, 160), "rot": (160, 0, 0), "vert\u0301": (0, 160, 0)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures of each of two colours, and four of a third; a copy, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("colours")
    for colour, value in COLOURS.items():
        (folder / colour).mkdir()
        for number in range(4 if colour == "rot" else 8):
            noise = np.random.default_rng(number).integers(0, 96, (40, 60, 3))
            Image.fromarray((noise + value).astype(np.uint8)).save(folder / colour / f"{number}.png")
    (folder / "blue" / "copy.png").write_bytes((folder / "blue" / "0.png").read_bytes())
    (folder / "blue" / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def measured(run, folder):
    return run("-m", "benchmark.heads", folder, "--per-class", "all", "--repeats", 1, "--no-keras")


def test_tables(measured):
    assert measured.returncode == 0, measured.stderr
    title, *tables = re.split(r"\n\n", measured.stdout.rstrip())
    assert title.rstrip() == "efficientnet_lite0: 3 classes, 20 pictures, mean of 1"
    assert [re.match(r"\S[^ ]*(?: loss)?", table.splitlines()[1])[0] for table in tables] == [
        "%",
        "log loss",
        "seconds",
    ]
    accuracy, losses, seconds = (rows_of(table) for table in tables)
    assert list(accuracy) == list(losses) == list(seconds) == [
        "all a class", "all a class, 20% wrong", "uneven (6 + 5), classes alike", "uneven (6 + 5), 99% common",
    ]  # fmt: skip
    assert accuracy["all a class"][:6] == ["100.0"] * 6
    assert [loss == "-" for loss in losses["all a class"]] == [False, False, False, True, True, True]
    assert all(float(value) >= 0 for row in seconds.values() for value in row)


@pytest.mark.slow
def test_keras_learns_too(run, folder):
    finished = run("-m", "benchmark.heads", folder, "--per-class", "all", "--repeats", 1)
    assert finished.returncode == 0, finished.stderr
    accuracy, losses = (rows_of(table) for table in re.split(r"\n\n", finished.stdout)[1:3])
    assert float(accuracy["all a class"][6]) >= 80
    assert float(losses["all a class"][6]) < np.log(3)
    assert len(losses["all a class"]) == 8


def rows_of(table: str) -> dict[str, list[str]]:
    """Return the cells of a table by the name of their row."""
    return {line[:NAME_WIDTH].rstrip(): line[NAME_WIDTH:].split() for line in table.splitlines()[2:]}


def test_what_is_left_out_is_said(measured):
    assert "left out: 1 of 22 pictures, such as blue/broken.png: " in measured.stderr
    assert "left out: uneven (6 + 5): 1 of 3 classes have too few pictures" in measured.stderr


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "the following arguments are required: FOLDER"),
        (("nowhere",), "cannot list the data folder nowhere"),
        (("images", "--per-class", "1"), "'1' is not a whole number from 2, or all"),
        (("images", "--per-class", "some"), "'some' is not a whole number from 1"),
        (("images", "--model", "resnett50"), "did you mean 'resnet50'?"),
        (("images", "--model", "resnet50", "resnet50"), "resnet50"),
    ],
)
def test_wrong_usage(run, arguments, error):
    finished = run("-m", "benchmark.heads", *arguments)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: ")
    assert error in finished.stderr
    assert len(finished.stderr.splitlines()) == 1


def test_help_is_instant():
    command = [sys.executable, "-X", "importtime", "-m", "benchmark.heads", "--help"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "python -m benchmark.heads [options] FOLDER" in finished.stdout
    assert imported(finished.stderr).isdisjoint({*FRAMEWORKS, "numpy", "PIL", "scipy", "sklearn"})


def test_cases_are_what_their_names_say():
    totals = [30, 40, 6, 2]
    labels = np.repeat(np.arange(4), totals)
    draws = {draw.name: draw for draw in plan_draws(totals, [5, 20, "all"])}
    assert {name: draw.counts for name, draw in draws.items()} == {
        "5 a class": {0: 5, 1: 5, 2: 5},
        "20 a class": {0: 20, 1: 20},
        "all a class": {0: 24, 1: 32, 2: 5},
        "20 a class, 20% wrong": {0: 20, 1: 20},
        "uneven (32 + 5)": {0: 5, 1: 32, 2: 5},
    }
    for draw in draws.values():
        case = draw_case(draw, labels, np.random.default_rng(0))
        right = np.searchsorted(sorted(draw.counts), labels[case.training])
        assert (case.labels != right).mean() == pytest.approx(draw.wrong)
        assert np.bincount(right).tolist() == [draw.counts[number] for number in sorted(draw.counts)]
        assert not {*case.training} & {*case.test}
        assert len(case.training) + len(case.test) == sum(totals[number] for number in draw.counts)
        assert [share.sum() for share in case.shares.values()] == pytest.approx([1] * len(case.shares))
    again = draw_case(draw, labels, np.random.default_rng(0))
    assert (again.training == case.training).all()


def test_uneven_classes_are_judged_in_two_ways():
    case = draw_case(plan_draws([60, 30], ["all"])[-1], np.repeat([0, 1], [60, 30]), np.random.default_rng(0))
    always_common = np.zeros(len(case.answers), int)
    assert {row: judge(always_common, case.answers, share)[0] for row, share in case.shares.items()} == pytest.approx(
        {"uneven (48 + 5), classes alike": 0.5, "uneven (48 + 5), 99% common": 0.99}
    )
    probabilities = np.array([[0.8, 0.2]] * len(case.answers))
    accuracy, log_loss = judge(probabilities, case.answers, next(iter(case.shares.values())))
    assert (accuracy, log_loss) == (0.5, pytest.approx(-(np.log(0.8) + np.log(0.2)) / 2))


def test_nothing_to_draw():
    with pytest.raises(UsageError, match="at most 2, and at least 3 are needed"):
        plan_draws([2, 2], [5, "all"])


@pytest.mark.parametrize("heading", RIVALS, ids=" ".join)
@pytest.mark.parametrize("count", [2, 12])
def test_every_method_learns(heading, count):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 20)
    features = np.maximum(rng.normal(size=(60, 30)) + 4 * np.eye(3, 30)[labels], 0).astype(np.float32)
    pictures = [Picture(str(number), str(label), "", f"{number:064}") for number, label in enumerate(labels)]
    samples = Samples(pictures, features, labels, ["a", "b", "c"], [30])
    case: Case = draw_case(plan_draws([20, 20, 20], [count])[0], labels, rng)
    scores = RIVALS[heading](make_task(samples, case, 0), features[case.test])
    assert scores.shape in [(len(case.test),), (len(case.test), 3)]
    assert judge(scores, case.answers, case.shares[f"{count} a class"])[0] > {2: 0.6, 12: 0.9}[count]
