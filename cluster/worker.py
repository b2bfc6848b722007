"""What a worker does: it classifies a block of inputs, writes their part, and reports."""

import os
import pickle
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, groupby
from typing import Any

import ray

from cluster.listing import BLOCK
from cluster.order import Block, Item, Order, Report, Within
from console import configure_messages
from errors import UsageError
from files import cache_folder
from results import Result
from sources.named import shown
from sources.pictures import Given, find_pictures, source_of

TOGETHER = 2  # tries of a whole block; then its pictures are taken one by one, to find the one that kills workers
DEATHS = 2  # that one picture may cause; one alone may be a machine that was switched off
KILLS = "ends the process that classifies it, each time; look at the file, or leave it out with --exclude"
REPORT = "report"  # the column that holds a pickled Report


class Worker:
    """A Classifier on one process, which is loaded with the first picture."""

    def __init__(self, order: Order, tries: Any, threads: int | None) -> None:
        configure_messages(quiet=True, debug=False)
        self._order, self._tries = order, tries
        runtime = replace(order.classifier.runtime, threads=threads, cache_dir=cache_folder(*order.cache))
        self._classifier = replace(order.classifier, runtime=runtime)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Answer one row of a block with one of a report."""
        block: Block = pickle.loads(row[BLOCK])
        try:
            report = block.said or self._classify(block)
        except UsageError as error:
            report = Report(fatal=str(error))
        return {REPORT: pickle.dumps(report)}

    def _classify(self, block: Block) -> Report:
        self._order.enter_folder()
        tries, deaths = ray.get(self._tries.begin.remote(block.number))
        report = Report(number=block.number, tries=tries, worker=f"{os.getpid()} on {socket.gethostname()}")
        answers = self._together(block, report) if tries <= TOGETHER else self._one_by_one(block, report, deaths)
        results = list(answers)
        self._order.parts.writer.write(block.number, results)
        report.rows = len(results)
        report.errors = [(result.source, result.error) for result in results if result.error]
        self._tries.end.remote(block.number)
        return report

    def _together(self, block: Block, report: Report) -> Iterator[Result]:
        return self._answers(self._found(block, report))

    def _one_by_one(self, block: Block, report: Report, deaths: Counter[int]) -> Iterator[Result]:
        found = self._found(block, report)
        for place in count():
            if deaths[place] > DEATHS:  # what it is in cannot be read on, as a video that kills its decoder
                rest = block.items[min(place, len(block.items) - 1) :]
                yield from (Result(_name_of(item), error=KILLS) for item in rest)
                return
            ray.get(self._tries.hold.remote(block.number, place))
            item = next(found, None)
            if item is None:
                return
            if deaths[place] == DEATHS:
                yield Result(source_of(item), error=KILLS)
            else:
                yield from self._answers(iter([item]))

    def _answers(self, found: Iterator[str | Given]) -> Iterator[Result]:
        order = self._order
        answers = self._classifier.classify_found(found, top_k=order.top_k, threshold=order.threshold)
        return (result for _frame, result in answers)

    def _found(self, block: Block, report: Report) -> Iterator[str | Given]:
        for _source, items in groupby(block.items, lambda item: isinstance(item, Within) and item.source):
            inside = []
            for item in items:
                if isinstance(item, Within):
                    inside.append(item)
                else:
                    yield item
            if inside:
                yield from self._look_into(inside, report)

    def _look_into(self, inside: Sequence[Within], report: Report) -> Iterator[str | Given]:
        places = {item.place for item in inside}
        is_whole = None in places
        left_out = report.left_out if is_whole else Counter()  # of what is taken in pieces, the lister has counted them
        for place, item in enumerate(find_pictures([[inside[0].source]], self._order.search, left_out)):
            if is_whole or place in places:
                yield item
                places.discard(place)
            if not places:
                return


def _name_of(item: Item) -> str:
    return shown(item.source) if isinstance(item, Within) else source_of(item)
