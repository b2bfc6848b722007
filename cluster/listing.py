"""From what the user names to blocks of inputs: listed once, in order, and no faster than workers take them."""

import pickle
from collections import Counter
from collections.abc import Callable, Iterator

import pyarrow
from ray.data import DataContext, Datasource
from ray.data.block import BlockMetadata
from ray.data.datasource import ReadTask

from cluster.order import Block, Item, Order, Report, Within
from errors import UsageError
from outputs.parts import ROWS
from sources.named import Kind, is_on_disk
from sources.pictures import Given, find_pictures, source_of
from sources.spool import Spool

LEAST, SHARE = 64, 8  # pictures of a block; and the share of what came before that each worker takes at once
SPLIT = (".zip", ".tar")  # archives on disks, of which any file can be read by itself
BLOCK = "block"  # the column that holds a pickled Block


class Listing(Datasource):
    """One stream of blocks, read by one process: a row for each."""

    def __init__(self, order: Order, workers: int) -> None:
        super().__init__()
        self._order, self._workers = order, workers

    def estimate_inmemory_data_size(self) -> int | None:
        """Return None: nobody knows before the end."""
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: DataContext | None = None
    ) -> list[ReadTask]:
        """Return the one task that lists."""
        return [ReadTask(self._tables, BlockMetadata(None, None, None, None))]

    def _tables(self) -> Iterator[pyarrow.Table]:
        for block in say_why(list_blocks(self._order, self._workers)):
            yield pyarrow.table({BLOCK: [pickle.dumps(block)]})


def say_why(blocks: Iterator[Block]) -> Iterator[Block]:
    """Yield blocks, and at last one that says why there are no more, if they cannot be listed."""
    try:
        yield from blocks
    except UsageError as error:
        yield Block(0, (), Report(fatal=str(error)))


def list_blocks(order: Order, workers: int) -> Iterator[Block]:
    """Yield blocks of what has no row yet, numbered from the first part that is not there.

    They grow with what was listed, so that few pictures keep all workers busy, too, and none of them works long at the
    end when the others have nothing left.
    """
    order.enter_folder()
    first = order.parts.next_number
    done = order.parts.done() if first > 1 else None
    take_row = done.take if done else lambda _source: False
    yield Block(0, (), Report(before=(order.parts.rows, order.parts.failed)))
    left_out: Counter[str] = Counter()
    number, items = first, list[Item]()
    for listed, item in enumerate(_items(order, take_row, left_out)):
        size = min(ROWS, max(LEAST, listed // (SHARE * workers)))
        if items and (len(items) >= size or _is_whole(item) or _is_whole(items[-1])):
            yield Block(number, tuple(items))
            number, items = number + 1, []
        items.append(item)
    if items:
        yield Block(number, tuple(items))
    yield Block(0, (), Report(left_out=left_out, gone=done.left() if done else 0))


def _is_whole(item: Item) -> bool:
    return isinstance(item, Within) and item.place is None


def _items(order: Order, take_row: Callable[[str], bool], left_out: Counter[str]) -> Iterator[Item]:
    names = [name.paths() if isinstance(name, Spool) else name for name in order.images]
    is_new = order.parts.next_number == 1
    for item in find_pictures(names, order.search, left_out, whole=True):
        source = source_of(item)
        if not (isinstance(item, Given) and isinstance(item.picture, Kind)):
            if not take_row(source):
                yield item
        elif is_new and not (is_on_disk(source) and source.lower().endswith(SPLIT)):
            yield Within(source)
        else:
            for place, inner in enumerate(find_pictures([[source]], order.search, left_out)):
                if not take_row(source_of(inner)):
                    yield Within(source, place)
