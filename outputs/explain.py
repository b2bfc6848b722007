"""Copies of pictures with what the model looked at laid over them."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from inference.explain import Explainer, spread
from labels import ClassLabel
from outputs.annotate import AnnotatedOutput, draw_label, name_and_score
from results import Result
from sources.frames import Frame
from transforms import Transform

COLORS = cv2.COLORMAP_INFERNO  # from dark to bright, which is read without a legend, and in grey, too
OPACITY = 0.75  # of the hottest places
GAP = 8  # pixels between the pictures of a strip


class ExplainedOutput(AnnotatedOutput):
    """Saves copies as AnnotatedOutput does, with the heat of the best label, of the best few, or of a chosen one."""

    option = "--explain"

    def __init__(
        self,
        folder: str,
        inputs: Sequence[str],
        explainer: Explainer,
        labels: Sequence[ClassLabel],
        transform: Transform,
        most: int = 1,
        chosen: int | None = None,
        force: bool = False,
    ) -> None:
        super().__init__(folder, inputs, transform.max_pixels, force)
        self._explainer = explainer
        self._labels = labels
        self._places = {label: index for index, label in enumerate(labels)}
        self._transform = transform
        self._most = most
        self._chosen = chosen
        self._asked: Frame | None = None
        self._found: tuple[Sequence[int], np.ndarray, np.ndarray]

    def draw(self, pixels: np.ndarray, frame: Frame, result: Result) -> np.ndarray:
        """Return the picture with the heat over it, or a strip of them; without a label, of the likeliest class."""
        seen = self.look(pixels, frame, result)
        return _side_by_side([draw_label(copy, name_and_score(label, score)) for label, score, copy in seen])

    def look(self, pixels: np.ndarray, frame: Frame, result: Result) -> Iterator[tuple[str, float, np.ndarray]]:
        """Yield each class that is shown: its label, its score, and uint8 RGB [H, W, 3] with the heat over it."""
        height, width = pixels.shape[:2]
        classes, scores, heats = self._heats(frame, result)
        for index, heat in zip(classes, heats, strict=True):
            copy = lay_over(pixels, spread(heat, self._transform, width, height))
            yield self._labels[index].label, float(scores[index]), copy

    def _heats(self, frame: Frame, result: Result) -> tuple[Sequence[int], np.ndarray, np.ndarray]:
        """Return the classes that are shown, the scores of all classes, and the heats; a gallery asks once more."""
        if frame is not self._asked:
            self._asked, self._found = frame, self._find(frame, result)
        return self._found

    def _find(self, frame: Frame, result: Result) -> tuple[Sequence[int], np.ndarray, np.ndarray]:
        assert frame.square is not None
        assert frame.outputs is not None
        scores = self._explainer.scores(frame.outputs)
        classes = [self._places[ClassLabel(*best[:2])] for best in result.predictions[: self._most]]
        if self._chosen is not None:
            classes = [self._chosen]
        classes = classes or [int(scores.argmax())]
        return classes, scores, self._explainer.heat(frame.square, frame.outputs, classes)


def lay_over(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return uint8 RGB [H, W, 3] with heat, float32 [H, W] from 0 to 1, over a copy that is greyer and darker."""
    grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    dimmed = cv2.addWeighted(pixels, 0.5, grey, 0.3, 0)
    colors = cv2.cvtColor(cv2.applyColorMap((heat * 255).astype(np.uint8), COLORS), cv2.COLOR_BGR2RGB)
    opacity = heat * np.float32(OPACITY)
    return cv2.blendLinear(dimmed, colors, 1 - opacity, opacity)


def _side_by_side(copies: Sequence[np.ndarray]) -> np.ndarray:
    if len(copies) == 1:
        return copies[0]
    height = max(copy.shape[0] for copy in copies)
    parts = []
    for copy in copies:
        parts.append(np.pad(copy, ((height - copy.shape[0], 0), (0, GAP), (0, 0)), constant_values=255))
    return np.concatenate(parts, axis=1)[:, :-GAP]
