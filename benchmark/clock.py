"""Time a piece of work by the wall's clock and by the processor's."""

import time
from collections.abc import Callable


def timed(work: Callable[[], int]) -> dict[str, float]:
    """Run `work`, which returns how many pictures it did; return its speed and its cost.

    images_s: pictures per second of wall time. cpu_s: processor seconds per picture, over all
    threads of this process.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    images = work()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return {"images_s": images / seconds, "cpu_s": cpu_seconds / images}
