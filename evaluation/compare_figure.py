"""A figure of several models' answers: each picture beside each model's best labels as bars.

PNG and SVG are drawn with matplotlib; HTML is a page in one file.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from defaults import FIGURE_PICTURES
from errors import ImageError, UsageError
from evaluation.pages import make_page, readable_path
from evaluation.plots import LIGHT, render, shorten
from evaluation.side_by_side import Row, Tally
from evaluation.thumbnails import decode, thumbnail
from results import Result

SIDE = 400  # pixels of a picture's longer side
PICTURE_WIDTH, MODEL_WIDTH, HEADER, CAPTION, BAR, GAP = 2.2, 2.7, 0.62, 0.28, 0.26, 0.2  # inches
LETTERS = 25  # of a label
DPI = 120

logger = logging.getLogger("suite")


class Shown(NamedTuple):
    """One picture of the figure."""

    row: Row
    thumbnail: bytes | None  # a JPEG; None when there is none

    @property
    def differs(self) -> set[int]:
        """Which models have another best label than the first model."""
        return set() if self.row.error else {
            number for number, best in enumerate(self.row.best) if best.label != self.row.best[0].label
        }  # fmt: skip


class CompareFigure:
    """Collects the first pictures, and writes the figure when all is known."""

    def __init__(self, path: str, top_k: int, max_pixels: int) -> None:
        self._path = Path(path)
        self._most = FIGURE_PICTURES[self._path.suffix.lower()]
        self.top_k, self._max_pixels = top_k, max_pixels
        self.shown: list[Shown] = []
        self._left_out = 0

    def add(self, row: Row, seconds: Sequence[float]) -> None:
        """Take one more picture into the figure, if there is room."""
        if len(self.shown) == self._most:
            self._left_out += 1
            return
        small = None
        if not row.error:
            try:
                small = thumbnail(row.path, self._max_pixels, SIDE)
            except ImageError:  # it was there a moment ago; its answers still count
                logger.warning("%s cannot be read any more, so the figure lacks it", readable_path(row.path))
        self.shown.append(Shown(row, small))

    def finish(self, tally: Tally, seconds: Sequence[float]) -> None:
        """Write the file, and say so when it has no room for all; raises UsageError when it cannot be written."""
        suffix = self._path.suffix.lower()
        content = _page(self.shown, tally, seconds) if suffix == ".html" else _drawing(self, tally, seconds, suffix[1:])
        unfinished = self._path.with_name(f".unfinished-{self._path.name}")
        if self._left_out:
            hint = "" if suffix == ".html" else f" (a figure in .html takes {FIGURE_PICTURES['.html']})"
            logger.warning("%s shows the first %d of %d pictures%s", self._path, len(self.shown), tally.pictures, hint)
        try:
            unfinished.write_bytes(content)
            unfinished.replace(self._path)
        except OSError as error:
            raise UsageError(f"cannot write --figure {self._path}: {error.strerror}") from error


def _page(shown: Sequence[Shown], tally: Tally, seconds: Sequence[float]) -> bytes:
    models = [
        {"index": index, "name": name, "ms": time * 1000, "score": float(score), "agreement": list(map(float, shares))}
        for index, (name, time, score, shares) in enumerate(
            zip(tally.names, seconds, tally.mean_scores(), tally.agreement(), strict=True)
        )
    ]
    return make_page("compare.html", models=models, tally=tally, pictures=shown).encode()


def _drawing(figure: CompareFigure, tally: Tally, seconds: Sequence[float], format: str) -> bytes:
    heights = [CAPTION if shown.row.error else CAPTION + max(5, figure.top_k) * BAR for shown in figure.shown]
    width = PICTURE_WIDTH + len(tally.names) * (MODEL_WIDTH + GAP) + GAP
    height = HEADER + sum(heights) + GAP * (len(heights) + 1)

    def draw(drawing: Figure) -> None:
        drawing.set_layout_engine("none")
        place = _Places(drawing, width, height)
        place.write(GAP, 0.22, tally.sentence(), size=9)
        if len(tally.names) > 1:
            place.write(GAP, 0.4, f"orange: another best label than {tally.names[0]}", size=8, color=LIGHT.second)
        top = HEADER
        for shown, row_height in zip(figure.shown, heights, strict=True):
            _draw_picture(place, shown, top, row_height, tally.names, seconds)
            top += row_height + GAP

    return render((width, height), draw, LIGHT, format, DPI)


class _Places:
    """Places on a figure in inches from its upper left corner."""

    def __init__(self, figure: Figure, width: float, height: float) -> None:
        self._figure, self._width, self._height = figure, width, height

    def axes(self, left: float, top: float, width: float, height: float):
        bottom = self._height - top - height
        axes = self._figure.add_axes(
            (left / self._width, bottom / self._height, width / self._width, height / self._height)
        )
        axes.set_axis_off()
        return axes

    def write(self, left: float, top: float, text: str, size: float, **style) -> None:
        self._figure.text(left / self._width, 1 - top / self._height, text, fontsize=size, va="center", **style)


def _draw_picture(
    place: _Places, shown: Shown, top: float, height: float, names: Sequence[str], seconds: Sequence[float]
) -> None:
    path = readable_path(shown.row.path)
    place.write(GAP, top + 0.12, path if len(path) <= 30 else f"…{path[-29:]}", size=8, weight="bold")
    if shown.row.error:
        place.write(PICTURE_WIDTH + GAP, top + 0.12, shorten(shown.row.error, 80), size=8, color=LIGHT.second)
        return
    if shown.thumbnail:
        axes = place.axes(GAP, top + CAPTION, PICTURE_WIDTH - GAP, height - CAPTION)
        axes.imshow(decode(shown.thumbnail))
        axes.set_anchor("NW")
    left = PICTURE_WIDTH + GAP
    for number, (name, time, result) in enumerate(zip(names, seconds, shown.row.results, strict=True)):
        place.write(left, top + 0.12, f"{shorten(name, 28)}  {time * 1000:.1f} ms", size=8, color=LIGHT.ink)
        color = LIGHT.second if number in shown.differs else LIGHT.first
        _draw_bars(place.axes(left, top + CAPTION, MODEL_WIDTH, height - CAPTION), result, color)
        left += MODEL_WIDTH + GAP


def _draw_bars(axes, result: Result, color: str) -> None:
    rows = range(len(result.predictions))
    axes.barh(rows, [1] * len(rows), color=LIGHT.faint, alpha=0.35, height=0.84)
    bars = axes.barh(rows, [prediction.score for prediction in result.predictions], color=color, alpha=0.3, height=0.84)
    if bars:
        bars[0].set_alpha(0.55)
    for row, (_class_id, label, score) in enumerate(result.predictions):
        weight = "bold" if row == 0 else "normal"
        axes.text(0.02, row, shorten(label, LETTERS), va="center", fontsize=8.5, weight=weight)
        axes.text(0.98, row, f"{score:.2%}", va="center", ha="right", fontsize=8.5, weight=weight)
    axes.set(xlim=(0, 1), ylim=(max(len(rows), 5) - 0.5, -0.5))
