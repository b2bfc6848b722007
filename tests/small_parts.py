"""tests/quick_classify.py with parts of 20 rows."""

import runpy
from pathlib import Path

import outputs.parts

if __name__ == "__main__":
    outputs.parts.ROWS = 20
    runpy.run_path(str(Path(__file__).with_name("quick_classify.py")), run_name="__main__")
