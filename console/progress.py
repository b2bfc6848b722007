"""How far a run is: a bar on the terminal while it goes on, and a line at its end."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger("suite")


class Progress(contextlib.ExitStack):
    """Counts what is done; while it is entered, shows a bar on stderr if `is_shown`.

    `rows` and `failed` were done before, by the run that this one resumes. `count` finds out how
    many inputs there are in all; it runs on a thread of its own.
    """

    def __init__(self, is_shown: bool, rows: int = 0, failed: int = 0, count: Callable[[], int] | None = None) -> None:
        super().__init__()
        self.done, self.failed = rows, failed
        self._before = rows
        self._started = time.monotonic()
        self._bar: tqdm | None = None
        if is_shown:
            self._show(count)

    def add(self, failed: int, done: int = 1) -> None:
        """Count one more input, or several, of which so many failed."""
        self.done += done
        self.failed += failed
        if self._bar is not None:
            if failed:
                self._bar.set_postfix(failed=self.failed, refresh=False)
            self._bar.update(done)

    def add_before(self, rows: int, failed: int) -> None:
        """Count what was done before, by the run that this one resumes."""
        self._before += rows
        self.add(failed, rows)

    def summary(self, left_out: Sequence[str] = ()) -> str:
        """Say in a line how it went; the speed is that of this run, loading the model included.

        `left_out` says what was no picture, such as "12 .mov".
        """
        counts = f"{self.done - self.failed:,} classified, {self.failed:,} failed"
        if self._before:
            counts += f" ({self._before:,} rows are from before)"
        new = self.done - self._before
        speed = f": {new / (time.monotonic() - self._started):.1f} images/s" if new else ""
        return counts + speed + (f"; left out: {', '.join(left_out)}" if left_out else "")

    def _show(self, count: Callable[[], int] | None) -> None:
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        bar = tqdm(initial=self.done, unit=" images", dynamic_ncols=True)
        if self.failed:
            bar.set_postfix(failed=self.failed)
        self._bar = self.enter_context(bar)
        self.enter_context(logging_redirect_tqdm([logging.root, logger]))

        def find_total(count: Callable[[], int]) -> None:
            with contextlib.suppress(OSError):
                bar.total = count()

        if count:
            threading.Thread(target=find_total, args=(count,), daemon=True).start()
