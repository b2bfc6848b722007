"""The folder of a report: its files, made and never overwritten by surprise."""

from collections.abc import Iterable
from pathlib import Path

from errors import UsageError

METRICS_FILE, REPORT_FILE, SUSPECTS_FILE = "metrics.json", "report.html", "suspects.csv"
PLOTS, GALLERIES = REPORT_FOLDERS = "plots", "galleries"
REPORT_FILES = (  # all that write_report may leave in its folder
    REPORT_FILE, SUSPECTS_FILE, f"{PLOTS}/*.png", f"{PLOTS}/*.svg", f"{GALLERIES}/*.jpg",
)  # fmt: skip


def prepare_output(folder: Path, files: Iterable[str], force: bool) -> None:
    """Make the folder; with `force`, remove the report that it holds, whose `files` are names or patterns.

    Files that are not a report's are never removed. Raises UsageError when there is a report and `force` is not given,
    and when there are pictures called like its own, but no report.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(path for pattern in files for path in folder.glob(pattern))
        if there and not force:
            raise UsageError(f"--output {folder} holds a report ({there[0].name}); --force replaces it")
        if there and folder not in {path.parent for path in there}:
            raise UsageError(f"--output {folder} holds other files, such as {there[0].name}; give another folder")
        for path in sorted(there, key=lambda path: path.parent == folder):  # last what makes it a report
            path.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to --output {folder}: {error.strerror}; give another folder") from error
