"""Pages of made-up runs for the tests, with pictures in plain colours and names that are hostile."""

import json
import re

import numpy as np
from PIL import Image

from labels import ClassLabel
from outputs.gallery import GalleryOutput
from results import Prediction, Result
from sources.frames import Frame

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "\u202egnp.exe\u202c",
    "a \"quote\" & 'another'",
    "two\nlines\x1b[2J",
    "\udcff not UTF-8",
    "half a letter \ud83d",
    "x" * 10_000,
)
LABELS = [ClassLabel(str(number), name) for number, name in enumerate(HOSTILE)]
ANSWERS = {"cat": [("cat", 0.9), ("dog", 0.05)], "dog": [("dog", 0.6), ("cat", 0.3)], "fog": [], "gone": None}


def rows_of(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="rows">(.*?)</script>', text, re.DOTALL)[1])


def make_gallery(path, answers, labels=None, **options):
    """Write the page of made-up answers: what is said of each source, or None for one that failed."""
    labels = labels or [ClassLabel("0", "cat"), ClassLabel("1", "dog")]
    ids = {label.label: label.class_id for label in labels}
    gallery = GalleryOutput(str(path), "a <model>", labels, 10**8, **options)
    for number, (source, scores) in enumerate(answers.items()):
        predictions = tuple(Prediction(ids[label], label, score) for label, score in scores or ())
        picture = Image.new("RGB", (600, 300), (20 * number % 256, 90, 40))
        frame = Frame(source, np.zeros((8, 8, 3), np.uint8), picture=picture)
        gallery.write(frame, Result(source, predictions, "" if scores is not None else f"no such file <{source}>"))
    assert gallery.finish() == 0
    return path


def many(count):
    return {f"pictures/{n:03}.png": [("cat" if n % 3 else "dog", round(n / count, 4))] for n in range(count)}
