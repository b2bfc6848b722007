"""python -m benchmark.suspects: labels are planted, and those that training suspects are compared with them."""

import random

import numpy as np
import pytest
from PIL import Image

from benchmark.suspects import plant


def test_planted_labels_are_wrong_and_the_others_as_they_were():
    pictures = [(f"{number}.jpg", "abc"[number % 3]) for number in range(30)]
    rows, planted = plant(pictures, 4, random.Random(1))
    assert len(planted) == 4
    changed = {path for (path, label), (_path, before) in zip(rows, pictures, strict=True) if label != before}
    assert changed == planted
    assert {label for _path, label in rows} <= {"a", "b", "c"}


@pytest.mark.slow
def test_what_is_planted_among_plain_colours_is_found(run, tmp_path):
    for colour in ("red", "green", "blue"):
        (tmp_path / colour).mkdir()
        for number in range(15):
            noise = np.random.default_rng(number).integers(-20, 20, (40, 60, 3))
            pixels = np.clip(np.asarray(Image.new("RGB", (60, 40), colour)) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / colour / f"{number}.png")
    finished = run("-m", "benchmark.suspects", tmp_path, "--planted", 3, "--repeats", 1)
    assert finished.returncode == 0, finished.stderr
    heading, row = finished.stdout.splitlines()
    assert heading.split() == ["pictures", "planted", "suspects", "found", "first", "3"]
    assert row.split()[:2] == ["45", "3"]
    assert int(row.split()[3]) == int(row.split()[4]) >= 2
