"""What is measured: ways to classify (rows of the table), and the tasks that their figures come from."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

TUTORIAL, KERAS, SUITE = "tutorial", "keras", "suite"  # the two baselines, and ours
TRAINED = "trained"  # weights of a trained model, which brings its own


@dataclass(frozen=True)
class Task:
    """One thing to measure, in a process of its own; ways that have the same task share its figures."""

    kind: str
    model: str  # its name, or the absolute path of a trained one's folder, or of a file
    weights: str = ""
    backend: str = ""
    precision: str = ""
    batch_size: int = 0


@dataclass(frozen=True)
class Setting:
    """What all tasks of a run have in common."""

    pictures: str  # folder of the JPEG files
    one_picture: str  # a JPEG file, alone in its folder
    cache_dir: str  # for OpenVINO's compiled models, of this run alone
    device: str
    workers: int  # threads that decode
    cores: int
    preprocess: str | None = None  # of the models of one's own


@dataclass(frozen=True)
class Way:
    """A way to classify: one row of the table."""

    name: str  # TUTORIAL, KERAS or SUITE
    model: str
    weights: str  # "imagenet", "none" or "trained": those of the folder or file
    backend: str
    precision: str
    batch_size: int

    def __str__(self) -> str:
        title = f"{self.backend} {self.precision}" if self.name == SUITE else self.name
        return f"{title}, batch {self.batch_size}"

    def tasks(self) -> tuple[Task, ...]:
        """Return what must be measured for this row."""
        if self.name == TUTORIAL:
            return tuple(Task(kind, self.model, self.weights) for kind in ("tutorial_first", "tutorial_files"))
        if self.name == KERAS:
            first = Task("keras_first", self.model, self.weights)
            return first, Task("keras_files", self.model, self.weights, batch_size=self.batch_size)
        engine = (self.model, self.weights, self.backend, self.precision)
        whole = [Task(kind, *engine, self.batch_size) for kind in ("files", "arrays")]
        return Task("first", *engine), *whole, Task("decode", self.model)


def list_ways(
    model: str, weights: str, backends: Sequence[str], precisions: Sequence[str], batch_sizes: Sequence[int]
) -> list[Way]:
    """Return a model's rows: the baselines, and every combination of ours."""
    keras = [Way(KERAS, model, weights, "tensorflow", "float32", size) for size in batch_sizes]
    ours = [
        Way(SUITE, model, weights, backend, precision, size)
        for backend in backends
        for precision in precisions
        for size in batch_sizes
    ]
    return [Way(TUTORIAL, model, weights, "tensorflow", "float32", 1), *keras, *ours]


def list_tasks(ways: Iterable[Way]) -> list[Task]:
    """Return the tasks of all rows, each once, in the order in which they are first needed."""
    return list(dict.fromkeys(task for way in ways for task in way.tasks()))


def to_json(task: Task, setting: Setting) -> str:
    """Write an order to a measuring process."""
    return json.dumps([asdict(task), asdict(setting)])


def from_json(text: str) -> tuple[Task, Setting]:
    """Read what `to_json` wrote."""
    task, setting = json.loads(text)
    return Task(**task), Setting(**setting)
