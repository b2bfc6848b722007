"""Plots can be read: names stand beside each other, nothing lies outside of the picture, and letters are no boxes."""

from collections.abc import Callable
from itertools import combinations, product
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from reports import NAMES, judge, pixels_of

from drawing import plot as plotting
from drawing.plot import MOST_LETTERS, Plot, render, short, text_widths, to_images
from evaluation.matrix import MOST_IN_MATRIX
from evaluation.plots import list_plots

#   kind              name of class N
NAMINGS = {
    "short":          "c{}",
    "13 letters":     "class_name_{:02}",
    "long":           "{} a name that is far too long for its place",
    "Japanese":       "数字の猫{}",
    "long Japanese":  "{}数字の猫がたくさんいる長い名前のクラスその番号は",
    "Arabic":         "قطة كبيرة {}",
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


@pytest.mark.parametrize(
    ("naming", "classes"),
    [*product(NAMINGS, [2, 5, 12, 30]), pytest.param("13 letters", MOST_IN_MATRIX, marks=pytest.mark.slow)],
)
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
    plot = plot_of(naming, MOST_IN_MATRIX + 50, 400)
    assert plot.name == "confused_pairs"
    look_at(plot, all_can_be_read)


@pytest.mark.parametrize("naming", ["short", "long", "long Japanese"])
def test_plots_of_two_classes_have_room(naming):
    names = tuple(NAMINGS[naming].format(index) for index in range(2))
    plots = list_plots(judge("model", names, ["picture"] * 20, 1))
    assert len(plots) == 7
    for plot in plots:
        look_at(plot, all_can_be_read)


def test_wide_letters_count_twice():
    assert short("a" * MOST_LETTERS) == "a" * MOST_LETTERS
    assert short("a" * (MOST_LETTERS + 1)) == "a" * (MOST_LETTERS - 1) + "…"
    assert short("猫" * (MOST_LETTERS // 2)) == "猫" * (MOST_LETTERS // 2)
    assert short("猫" * MOST_LETTERS) == "猫" * (MOST_LETTERS // 2 - 1) + "…"


def drawn(text: str, rotation: int = 0) -> np.ndarray:
    """Draw a text on white, in the middle; return where it is dark, bool [H, W]."""

    def draw(figure: Figure) -> None:
        figure.text(0.5, 0.5, text, fontsize=30, ha="center", va="center", rotation=rotation)

    return pixels_of(render((3, 3), draw, dpi=100))[..., 0] < 128


@pytest.fixture
def no_fonts(monkeypatch):
    """A machine without fonts but matplotlib's own."""
    monkeypatch.setattr(plotting, "FONTS", ())
    plotting._fonts.cache_clear()
    yield
    plotting._fonts.cache_clear()


@pytest.mark.usefixtures("no_fonts")
def test_chinese_and_korean_are_drawn_without_a_font():
    """As matplotlib alone draws them, all are the same box."""
    first, second, korean = drawn("猫猫"), drawn("犬犬"), drawn("고양")
    assert min((first ^ second).sum(), (first ^ korean).sum()) > 100
    assert text_widths(["猫" * 8], 10)[0] == pytest.approx(2 * text_widths(["猫" * 4], 10)[0], rel=0.1)


@pytest.mark.usefixtures("no_fonts")
def test_letters_without_a_font_turn_and_stand_where_others_do():
    level, upright = drawn("猫とabc"), drawn("猫とabc", rotation=90)
    assert np.mean(np.rot90(level) == upright) > 0.98
    rows, columns = np.nonzero(level)
    assert abs(rows.mean() - 150) < 15
    assert abs(columns.mean() - 150) < 15


def test_arabic_is_joined_and_read_from_the_right():
    assert np.ptp(np.nonzero(drawn("سسس"))[1]) < 0.9 * np.ptp(np.nonzero(drawn("س\u200cس\u200cس"))[1])  # held apart
    rows, columns = np.nonzero(drawn("ا" + "ب" * 6))  # the first letter is high, and the others are flat
    assert columns[rows.argmin()] > columns.mean()


def test_svg_holds_names_as_text_for_the_fonts_of_the_viewer():
    names = (*NAMES, "🐱 cat", "แมว", "bad \ufffe \x01")
    svg = ElementTree.fromstring(to_images(list_plots(judge("model", names, ["picture"] * 40, 1))[0]).svg)
    texts = {"".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert texts >= {short(name) for name in names}
    assert "bad \ufffd \\x01" in texts
    assert {"🐱 cat", "แมว", "数字の猫"} <= texts
