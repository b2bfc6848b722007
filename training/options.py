"""The options of a training run: those that decide its result, and the others. Plain data; imports no framework."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from classifiers.folder import TRAINING_FILE
from errors import UsageError
from files import write_whole

AUTO = "auto"
AUGMENTATIONS = ("flip", "crop", "colour")
CLASS_WEIGHTS = ("auto", "balanced", "none")
EPOCH_DEFAULTS = {"hidden_units": 256, "dropout": 0.2, "epochs": 60, "learning_rate": 1e-3, "patience": 10}


@dataclass(frozen=True)
class Options:
    """Everything that decides the result of a run. The names are those of the command line."""

    data: str  # the folder of the pictures, which their paths are relative to
    model: list[str]  # of the registry, or whole paths of files
    weights: str
    resize: str
    max_pixels: int
    split: list[float]  # shares of training, validation and test
    seed: int
    augment: list[str] | None  # of AUGMENTATIONS; None: all, for fine-tuning only
    views: int  # augmented ones of each training picture
    head: str
    hidden_units: int | None  # of an mlp, as are dropout, epochs and learning_rate; None where they mean nothing
    dropout: float | None
    class_weight: str
    epochs: int | None
    batch_size: int
    learning_rate: float | None
    patience: int | None  # of an mlp and of fine-tuning
    fine_tune: int | str  # layers of each backbone; AUTO: as many as pay
    fine_tune_epochs: int | None  # None: as many as the number of pictures asks for
    fine_tune_learning_rate: float
    backend: str
    device: str
    precision: str
    deterministic: bool
    tensorboard: bool
    labels_csv: str | None = None  # the file that lists the pictures; the folders tell otherwise
    exclude: list[str] = field(default_factory=list)
    no_ignore: bool = False
    preprocess: str | None = None  # what backbones of one's own take; None: they say it themselves
    deduplicate: bool = False

    @property
    def keras_trains(self) -> bool:
        """Whether there is something to train that Keras needs a framework for."""
        return self.head == "mlp" or bool(self.fine_tune)


OPTION_NAMES = tuple(one.name for one in fields(Options))


def meant_by(head: str, fine_tune: object) -> set[str]:
    """Return which of the options in EPOCH_DEFAULTS mean something."""
    if head == "mlp":
        return set(EPOCH_DEFAULTS)
    return {"patience"} if fine_tune else set()


def save_options(folder: Path, options: Options) -> None:
    """Save the options of a run in its folder, whole or not at all."""
    write_whole(folder / TRAINING_FILE, json.dumps(asdict(options), indent=2) + "\n")


def read_options(folder: str | Path) -> Options | None:
    """Return the options of the run in a folder, or None when there is no run; raises UsageError."""
    path = Path(folder, TRAINING_FILE)
    try:
        return Options(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"{path} cannot be read ({error}): it is damaged, or of another version; --force starts the run anew"
        ) from error
