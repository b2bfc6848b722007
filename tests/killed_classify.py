"""tests/quick_classify.py, to which a signal comes before a chosen step in the file system.

    python tests/killed_classify.py NUMBER SIGNAL ARGUMENT...

A step is what opens, makes, moves or removes something below the current folder. Without the signal (0)
the number of steps is printed last.
"""

import os
import runpy
import sys
from pathlib import Path

STEPS = ("open", "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.utime")


class Steps:
    """Counts the steps."""

    def __init__(self, number: int, signal: int) -> None:
        self.count = 0
        self._number, self._signal = number, signal
        self._folder = os.getcwd()

    def hook(self, event: str, arguments: tuple) -> None:
        """Called by Python before each of its steps."""
        if event in STEPS and isinstance(arguments[0], str | bytes | Path) and self._is_inside(arguments[0]):
            self.count += 1
            if self.count == self._number:
                os.kill(os.getpid(), self._signal)

    def _is_inside(self, path: str | bytes | Path) -> bool:
        path = os.fsdecode(path)
        return path.startswith(self._folder) or not os.path.isabs(path)


if __name__ == "__main__":
    number, signal, *sys.argv[1:] = sys.argv[1:]
    steps = Steps(int(number), int(signal))
    sys.addaudithook(steps.hook)
    try:
        runpy.run_path(str(Path(__file__).with_name("quick_classify.py")), run_name="__main__")
    finally:
        print(steps.count)
