"""Plots can be read: names stand beside each other, and nothing lies outside of the picture."""

from collections.abc import Callable
from itertools import combinations

import pytest
from matplotlib.figure import Figure
from reports import judge

from drawing.plot import MOST_LETTERS, Plot, render, short
from evaluation.plots import list_plots

#   kind              name of class N
NAMINGS = {
    "short":          "c{}",
    "13 letters":     "class_name_{:02}",
    "long":           "{} a name that is far too long for its place",
    "Japanese":       "数字の猫{}",
    "long Japanese":  "{}数字の猫がたくさんいる長い名前のクラスその番号は",
}  # fmt: skip


def plot_of(naming: str, classes: int, pictures: int) -> Plot:
    names = tuple(NAMINGS[naming].format(index) for index in range(classes))
    return list_plots(judge("model", names, ["picture"] * pictures, 1))[0]


def look_at(plot: Plot, look: Callable[[Figure], None]) -> None:
    """Draw a plot, and call `look` when all is in its place."""

    def draw(figure: Figure) -> None:
        plot.draw(figure.add_subplot(title=plot.title))
        figure.draw_without_rendering()
        look(figure)

    render(plot.size, draw)


def all_can_be_read(figure: Figure) -> None:
    axes = figure.axes[0]
    names = [text.get_window_extent() for axis in (axes.xaxis, axes.yaxis) for text in axis.get_ticklabels()]
    assert [pair for pair in combinations(names, 2) if pair[0].overlaps(pair[1])] == []
    drawn = figure.get_tightbbox()  # inches
    assert min(drawn.x0, drawn.y0) > -0.01
    assert drawn.x1 < figure.get_figwidth() + 0.01
    assert drawn.y1 < figure.get_figheight() + 0.01
    assert axes.get_window_extent().width > 150  # pixels, of 580 or more


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("classes", [2, 5, 12, 30])
def test_names_of_a_confusion_matrix_do_not_overlap(naming, classes):
    plot = plot_of(naming, classes, 4 * classes)
    assert plot.name == "confusion"
    look_at(plot, all_can_be_read)


@pytest.mark.parametrize(("naming", "angle"), [("short", 0), ("13 letters", 90)])
def test_names_stand_upright_only_where_they_must(naming, angle):
    def names_have_that_angle(figure: Figure) -> None:
        assert {label.get_rotation() for label in figure.axes[0].get_xticklabels()} == {angle}

    look_at(plot_of(naming, 5, 20), names_have_that_angle)


@pytest.mark.parametrize("naming", NAMINGS)
def test_names_of_confused_pairs_have_room(naming):
    plot = plot_of(naming, 40, 200)
    assert plot.name == "confused_pairs"
    look_at(plot, all_can_be_read)


def test_wide_letters_count_twice():
    assert short("a" * MOST_LETTERS) == "a" * MOST_LETTERS
    assert short("a" * (MOST_LETTERS + 1)) == "a" * (MOST_LETTERS - 1) + "…"
    assert short("猫" * (MOST_LETTERS // 2)) == "猫" * (MOST_LETTERS // 2)
    assert short("猫" * MOST_LETTERS) == "猫" * (MOST_LETTERS // 2 - 1) + "…"
