"""A run as the command line sees it: it gives the order, and takes reports as they come."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cluster.connection import LOCAL, errors_of_ray
from cluster.order import Order, Plan, Report
from cluster.run import Run
from console.progress import Progress
from console.text import printable
from engines.runtime import Runtime
from errors import UsageError
from outputs.summary import count_of
from sources.listing import name_counts

ENGINE_CPUS = 2  # of a worker, where machines have twice as many
MOST_WORKERS = 1000  # on other machines, which may become more while the run goes on

logger = logging.getLogger("suite")


def follow(order: Order, address: str, progress: Progress) -> None:
    """Have all parts written, and say what there is to say; raises UsageError."""
    left_out: Counter[str] = Counter()
    order.parts.begin()
    for report in reports(order, address):
        progress.add_before(*report.before)
        progress.add(len(report.errors), report.rows)
        left_out += report.left_out
        for source, error in report.errors:
            logger.error("error: %s: %s", printable(source), error)
        if report.tries > 1:
            logger.warning(
                "part %d took %d tries, since workers died meanwhile; its rows are whole", report.number, report.tries
            )
        if report.gone:
            logger.warning(
                "%s has %d rows of pictures that are no longer among the inputs", order.parts.name, report.gone
            )
    if not progress.done:
        order.parts.writer.write(1, [])
    logger.info(progress.summary(name_counts(left_out)))


def reports(order: Order, address: str) -> Iterator[Report]:
    """Yield what the workers report, and the lister; raises UsageError."""
    import ray

    with errors_of_ray():
        planned = plan(order.classifier.runtime, address)
        logger.info("%s on %s", count_of(planned.workers, "worker"), count_of(len(_nodes()), "machine"))
        name = hashlib.sha256(order.parts.name.encode("utf-8", "surrogateescape")).hexdigest()
        try:
            run = ray.remote(Run).options(name=name, num_cpus=0).remote(order, planned)
        except ValueError as error:  # the name is taken
            raise UsageError(
                f"another run on this cluster writes {order.parts.name}; wait for it, or give another --output"
            ) from error
        while report := ray.get(run.next.remote()):
            if report.fatal:
                raise UsageError(report.fatal)
            yield report


def plan(runtime: Runtime, address: str) -> Plan:
    """Return how many workers there are to be, and what each of them takes; raises UsageError for a missing GPU."""
    import ray

    gpus = int(ray.cluster_resources().get("GPU", 0)) if _wants_gpu(runtime) else 0
    if runtime.device.startswith("gpu") and not gpus:
        raise UsageError(f"--device {runtime.device}: Ray knows of no GPU on --cluster {address}; --device cpu works")
    cpus = [node["Resources"].get("CPU", 0) for node in _nodes()]
    each = ENGINE_CPUS if min(cpus, default=0) >= 2 * ENGINE_CPUS else 1
    count = gpus or sum(int(cpu // each) for cpu in cpus) or 1
    most = count if address == LOCAL else max(count, MOST_WORKERS)
    return Plan(count, most, None if gpus else each)


def _wants_gpu(runtime: Runtime) -> bool:
    return runtime.device != "cpu" and runtime.backend != "openvino"


def _nodes() -> list[dict[str, Any]]:
    import ray

    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
