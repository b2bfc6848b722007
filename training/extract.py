"""Compute features in a process of its own: `python -m training.extract`, told by JSON on stdin.

Each batch is kept at once. The last line on stdout says which pictures are unreadable, or what is wrong.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from console import EXIT_OK, EXIT_USAGE, configure_messages
from engines import LazyEngine, load_engine
from errors import ImageError, UsageError
from models import MODELS
from pipeline import predict_frames
from sources.frames import Frame, read_ahead
from trained import join_backbones
from training.features import PLAIN, Recipe
from training.store import FeatureStore
from training.views import read_view

Job = tuple[str, str, str]  # a picture's digest, its path, and the view


def main() -> int:
    """Carry out the order on stdin; return the exit code."""
    order = json.load(sys.stdin)
    recipe = Recipe(**order["recipe"])
    configure_messages(recipe.quiet, recipe.debug)
    try:
        answer = {"unreadable": extract(recipe, order["jobs"])}
    except UsageError as error:
        answer = {"error": str(error)}
    except Exception as error:
        if recipe.debug:
            raise
        answer = {"error": f"unexpected {type(error).__name__} while computing features: {error} (--debug shows where)"}
    print(json.dumps(answer))
    return EXIT_USAGE if "error" in answer else EXIT_OK


def extract(recipe: Recipe, jobs: list[Job]) -> dict[str, str]:
    """Compute and keep the features of each view; return why pictures are unreadable: {digest: reason}."""
    backbones = join_backbones([MODELS[name] for name in recipe.models])
    cache_dir = Path(recipe.engine_cache) if recipe.engine_cache else None
    engine = LazyEngine(
        lambda: load_engine(
            backbones, weights=recipe.weights, backend=recipe.backend, device=recipe.device,
            precision=recipe.precision, cache_dir=cache_dir,
        )
    )  # fmt: skip

    def read(job: Job) -> Frame:
        digest, path, view = job
        ways = () if view == PLAIN else recipe.ways
        try:
            pixels = read_view(path, backbones, recipe.resize, recipe.max_pixels, ways, f"{digest} {view}")
        except ImageError as error:
            return Frame(path, error=str(error))
        return Frame(path, pixels)

    frames = read_ahead(jobs, read, recipe.workers, 2 * recipe.batch_size)
    pairs = zip(jobs, predict_frames(frames, engine, recipe.batch_size), strict=True)
    return _keep(_watched(pairs, len(jobs), recipe.quiet), FeatureStore(recipe.store), recipe.batch_size)


def _keep(pairs: Iterable, store: FeatureStore, batch_size: int) -> dict[str, str]:
    """Store the features batch by batch; return the errors: {digest: reason}."""
    rows, errors = [], {}
    for (digest, _path, view), (frame, features) in pairs:
        if features is None:
            errors[digest] = frame.error
            continue
        rows.append(((digest, view), features))
        if len(rows) == batch_size:
            store.add(rows)
            rows = []
    store.add(rows)
    store.close()
    return errors


def _watched(items: Iterable, count: int, quiet: bool) -> Iterator:
    """Show progress on a terminal, and end when the parent is gone: nobody waits for the rest."""
    parent = os.getppid()
    for item in tqdm(items, "features", count, unit="picture", leave=False, disable=quiet or None):
        yield item
        if os.getppid() != parent:
            return


if __name__ == "__main__":
    sys.exit(main())
