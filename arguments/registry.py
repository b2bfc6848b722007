"""--list-models: the registry as a table on the terminal."""

import argparse
from collections.abc import Sequence
from typing import Any

from models import ModelSpec, match_models


class ListModels(argparse.Action):
    """Prints the models that match, and exits."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        pattern: Any,
        option_string: str | None = None,
    ) -> None:
        specs = match_models(pattern)
        if not specs:
            parser.error(f"no model matches '{pattern}'")
        print(format_models(specs))
        parser.exit()


def format_models(specs: Sequence[ModelSpec]) -> str:
    """Lay out registry rows as a table for the terminal."""
    lines = [
        f"{'name':20} {'Keras class':18} {'input':>5} {'top-1':>6} {'top-5':>6} {'parameters':>12} {'download':>9}"
    ]
    for spec in specs:
        top5 = f"{spec.top5:.1f} %" if spec.top5 else "-"
        download = f"{spec.download_mb:,} MB" if spec.needs_download else "installed"
        lines.append(
            f"{spec.name:20} {spec.class_name:18} {spec.input_size:5} {spec.top1:4.1f} % {top5:>6} "
            f"{spec.parameters:12,} {download:>9}"
        )
    return "\n".join(lines)
