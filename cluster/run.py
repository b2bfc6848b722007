"""The run itself, on one process of the cluster: Ray Data takes blocks from the lister to workers, reports come out."""

import logging
import pickle
from collections.abc import Iterator

from cluster.order import Order, Plan, Report
from cluster.tries import Tries

IN_HAND = 2  # blocks of a worker: one that it computes, and one that lies ready


class Run:
    """Hands out a report after the other."""

    def __init__(self, order: Order, plan: Plan) -> None:
        _be_quiet()
        self._reports = self._run(order, plan)

    def next(self) -> Report | None:
        """Return the next report, or None when all is done."""
        return next(self._reports, None)

    def _run(self, order: Order, plan: Plan) -> Iterator[Report]:
        import ray.data
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from cluster.listing import Listing
        from cluster.worker import REPORT, Worker

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        tries = ray.remote(Tries).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()
        listing = Listing(order, plan.workers)
        blocks = ray.data.read_datasource(
            listing, override_num_blocks=1, num_cpus=0, ray_remote_args={"scheduling_strategy": here}
        )
        least = plan.workers if plan.most_workers == plan.workers else 1  # others may take the place of those that idle
        reports = blocks.map(
            Worker,
            fn_constructor_args=(order, tries, plan.threads),
            compute=ray.data.ActorPoolStrategy(
                min_size=least,
                max_size=plan.most_workers,
                initial_size=plan.workers,
                max_tasks_in_flight_per_actor=IN_HAND,
            ),
            **plan.resources,
        )
        for row in reports.iter_rows():
            yield pickle.loads(row[REPORT])


def _be_quiet() -> None:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.target_max_block_size = 1  # byte: each row is a block of its own, and goes on as soon as it is there
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.disable(logging.CRITICAL)
