"""The threshold between two classes, kept in the folder of the trained model that it is for."""

import json
from pathlib import Path

from errors import UsageError

SPEC_FILE = "spec.json"


def save_threshold(folder: Path, threshold: float) -> None:
    """Write into a trained model's folder the least score of its second class that makes it the answer.

    All else in its spec.json stays; it is replaced whole or not at all. Raises UsageError when it cannot be written.
    """
    path = folder / SPEC_FILE
    unfinished = folder / f".unfinished-{SPEC_FILE}"
    try:
        content = json.loads(path.read_bytes())
        content["threshold"] = threshold
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
        unfinished.replace(path)
    except (OSError, ValueError, TypeError) as error:
        unfinished.unlink(missing_ok=True)
        raise UsageError(f"the threshold {threshold:.4f} cannot be kept in {path}: {error}") from error
