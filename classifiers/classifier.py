"""A Classifier: a network with its weights, labels and preprocessing, and where it is computed."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import InitVar, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import Engine, LazyEngine
from engines.runtime import Runtime
from errors import UsageError
from labels import ClassLabel
from networks import Network
from networks.weights import Weights
from results import Explanation, Result
from settings import TOP_K, check_count, check_share
from sources.paths import Search
from transforms import Transform

if TYPE_CHECKING:
    import numpy as np

    from inference.explain import Explainer
    from sources.frames import Frame
    from sources.pictures import Given


@dataclass(frozen=True)
class Classifier:
    """All that decides an answer, and what computes it. Nothing is loaded before the first picture is there.

    Hashable and picklable: another process loads the weights for itself. Threads may share one;
    they compute one after the other. `dataclasses.replace` makes a variant, such as on another Runtime.
    """

    name: str  # what the user typed
    network: Network
    weights: Weights
    labels: tuple[ClassLabel, ...] = field(repr=False)
    transform: Transform
    decision_threshold: float | None = None  # of two classes, the least score of the second that makes it the answer
    folder: Path | None = None  # of a trained classifier
    runtime: Runtime = Runtime()
    engine: InitVar[Engine | None] = None  # computes in the place of the one that `runtime` would load

    def __post_init__(self, engine: Engine | None) -> None:
        if len(self.labels) != self.network.classes:
            raise UsageError(f"{self.name} has {self.network.classes} classes, but the labels name {len(self.labels)}")
        self.weights.check(self.network)
        lazy = LazyEngine(self.network, self.weights, self.runtime) if engine is None else engine
        object.__setattr__(self, "_engine", lazy)
        object.__setattr__(self, "_explainers", {})

    @property
    def predictor(self) -> Engine:
        """What computes; it is loaded with the first picture."""
        return self._engine  # type: ignore[attr-defined]

    def classify(
        self, pictures: Any, *, top_k: int = TOP_K, threshold: float = 0, search: Search = Search()
    ) -> Iterator[Result]:
        """Yield a Result for each picture, in order, in constant memory; nothing is read before the first is asked for.

        `pictures` are paths, folders, patterns, archives, PIL images, uint8 arrays ([H, W], [H, W, 1], [H, W, 3]
        or [H, W, 4], RGB), bytes, binary files, and iterables of these. A picture that cannot be
        read, and what is no picture, gives a Result with an `error`. Of each, the `top_k` best labels
        with a score of at least `threshold` are named. `search` says what is left out of folders.
        Raises UsageError at once for an option that makes no sense, and with the first picture for
        weights, a backend, a device or a precision that cannot be had.
        """
        answers = self.classify_frames(pictures, top_k=top_k, threshold=threshold, search=search)
        return (result for _frame, result in answers)

    def classify_frames(
        self,
        pictures: Any,
        *,
        top_k: int = TOP_K,
        threshold: float = 0,
        search: Search = Search(),
        skip: Callable[[str], bool] | None = None,
        keep: bool = False,
        keep_given: bool = False,
        left_out: Counter[str] | None = None,
        explainer: "Explainer | None" = None,
    ) -> Iterator[tuple["Frame", Result]]:
        """Yield each picture's Frame beside its Result, as `classify` does.

        `skip` says of each source, in order, whether to leave it out. With `keep`, a Frame has its
        whole picture, for outputs that draw on it; with `keep_given`, if it is no file, for outputs that copy
        it. Files in folders and archives that are no pictures are counted in `left_out`, by extension. With an
        `explainer`, a Frame has what that needs.
        """
        from sources.pictures import find_pictures, source_of

        found = (item for item in find_pictures(pictures, search, left_out) if not (skip and skip(source_of(item))))
        return self.classify_found(
            found, top_k=top_k, threshold=threshold, keep=keep, keep_given=keep_given, explainer=explainer
        )

    def classify_found(
        self,
        found: "Iterator[str | Given]",
        *,
        top_k: int = TOP_K,
        threshold: float = 0,
        keep: bool = False,
        keep_given: bool = False,
        explainer: "Explainer | None" = None,
    ) -> Iterator[tuple["Frame", Result]]:
        """Yield the answers to what `find_pictures` has found, as `classify_frames` does."""
        check_count("top_k", top_k)
        check_share("threshold", threshold)
        from inference.loop import PATIENCE, predict_frames
        from inference.scores import to_result
        from sources.frames import read_frames

        ahead = 2 * (self.runtime.workers if keep else self.runtime.batch_size)
        frames = read_frames(found, self.transform, self.runtime.workers, ahead, PATIENCE, keep, keep_given)
        engine = self.predictor if explainer is None else explainer.engine

        def answer(frame: "Frame", outputs: "np.ndarray | None") -> tuple["Frame", Result]:
            if outputs is None:
                return frame, Result(frame.source, error=frame.error)
            scores = outputs
            if explainer is not None:
                frame, scores = replace(frame, outputs=outputs), explainer.scores(outputs)
            return frame, to_result(frame.source, scores, self.labels, top_k, threshold, self.decision_threshold)

        return (answer(*each) for each in predict_frames(frames, engine, self.runtime.batch_size))

    def explainer(self, method: str = "auto") -> "Explainer":
        """Return what computes where a class is seen; raises UsageError for a method that the network has not."""
        from inference.explain import Explainer

        return Explainer(self.network, self.weights, self.runtime, method)

    def explain(self, picture: Any, label: str | None = None, *, method: str = "auto") -> Explanation:
        """Say where in a picture a class is seen; without a `label`, the class that is the answer.

        `picture` is one of those that `classify` takes, and `method` one of settings.EXPLAIN_METHODS. Raises
        ImageError for a picture that cannot be read, and UsageError for a label that the model does not have.
        """
        from inference.explain import spread
        from inference.scores import decide
        from labels.classes import ClassIndex
        from sources.pictures import Given, named_picture, open_picture, open_square, read_bytes

        index = None if label is None else ClassIndex(self.name, self.labels).index_of(label)
        if isinstance(picture, str) and isinstance(given := named_picture(picture), Given):  # of a URL
            picture = given.picture
        if hasattr(picture, "read"):  # which can be done once only
            picture = read_bytes(picture)
        square = open_square(picture, "", self.transform)
        size = open_picture(picture, max_pixels=self.transform.max_pixels).size
        explainers: dict[str, Explainer] = self._explainers  # type: ignore[attr-defined]
        explainer = explainers[method] = explainers.get(method) or self.explainer(method)
        outputs = explainer.engine.predict(square[None])[0]
        scores = explainer.scores(outputs)
        index = decide(scores, self.decision_threshold) if index is None else index
        heat = explainer.heat(square, outputs, [index])[0]
        return Explanation(self.labels[index].label, float(scores[index]), spread(heat, self.transform, *size))

    def predict(self, squares: "np.ndarray") -> "np.ndarray":
        """Compute uint8 RGB [N, S, S, 3], S being `transform.size`, -> float32 probabilities [N, classes].

        Raises UsageError for another shape or type of numbers.
        """
        import numpy as np

        size = self.transform.size
        try:
            squares = np.asarray(squares)
        except ValueError as error:  # of a list
            raise UsageError(f"predict takes squares of one size, uint8 RGB [N, {size}, {size}, 3]: {error}") from error
        if squares.dtype != np.uint8 or squares.ndim != 4 or squares.shape[1:] != (size, size, 3):
            raise UsageError(
                f"predict takes uint8 RGB [N, {size}, {size}, 3], and not {squares.dtype} {list(squares.shape)}; "
                "classify takes pictures of any size"
            )
        step = self.runtime.batch_size
        parts = [self.predictor.predict(squares[start : start + step]) for start in range(0, len(squares), step)]
        return np.concatenate([np.empty((0, len(self.labels)), np.float32), *parts])
