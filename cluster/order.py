"""What goes from process to process: what is to be done, blocks of inputs, and reports of what was done."""

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from classifiers import Classifier
from errors import UsageError
from outputs.parts import Parts
from sources.pictures import Given
from sources.search import Search
from sources.spool import Spool


@dataclass(frozen=True)
class Order:
    """All that a run on a cluster needs to know."""

    classifier: Classifier
    images: tuple[str | Spool, ...]
    parts: Parts
    search: Search
    top_k: int
    threshold: float
    cache: tuple[str | None, bool]  # of compiled models, as `files.cache_folder` takes it: each machine has its own
    folder: str  # that relative paths start from
    has_relative_paths: bool

    def enter_folder(self) -> None:
        """Let relative paths mean here what they mean where the run was started; raises UsageError."""
        try:
            os.chdir(self.folder)
        except OSError as error:
            if not self.has_relative_paths:
                return
            raise UsageError(
                f"a machine of the cluster cannot enter {self.folder}, where the run was started ({error.strerror}); "
                "start it in a folder that all machines share, or give absolute paths"
            ) from error


class Plan(NamedTuple):
    """How a cluster is used."""

    workers: int  # to begin with
    most_workers: int  # more than that where machines may come and go
    threads: int | None  # of an engine; None: as it likes, on a GPU

    @property
    def resources(self) -> dict[str, float]:
        """What a worker takes, as Ray Data is told."""
        return {"num_gpus": 1} if self.threads is None else {"num_cpus": self.threads}


class Within(NamedTuple):
    """A picture in an archive, or a frame of a video, which a worker looks for itself; or all of them."""

    source: str  # what the archive or the video is called, a password included
    place: int | None = None  # among the pictures that are in it; None: all


Item = str | Given | Within


class Block(NamedTuple):
    """Inputs whose rows are one part; with a number below 1, no part, but what the lister has to say."""

    number: int
    items: tuple[Item, ...]
    said: "Report | None" = None


@dataclass
class Report:
    """What has become of a block."""

    rows: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)  # of pictures: what they are called, what is wrong
    left_out: Counter[str] = field(default_factory=Counter)  # files that are no pictures, by extension
    number: int = 0  # of the part
    tries: int = 1  # more than one when workers died with the block in hand
    worker: str = ""  # who did it
    before: tuple[int, int] = (0, 0)  # rows that were there, and how many of them have an error
    gone: int = 0  # of these, how many no input has asked for
    fatal: str = ""  # why the run cannot go on
