"""python -m benchmark.duplicates: copies that are made and found again."""

import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT

from benchmark.duplicates import KINDS, make_copies, print_figures
from preprocess import read_image


def row(group, path, level="same picture", best="no"):
    return {"group": group, "path": path, "level": level, "best": best}


def test_figures_count_what_is_together_at_the_level_asked_for(capsys):
    same, similar = "JPEG quality 30", "mirrored"
    copies = {"1": (same, "a"), "2": (same, "b"), "3": (similar, "a"), "4": (similar, "b")}
    rows = [row("1", "a"), row("1", "1"), row("1", "c"), row("1", "3", "very similar")]
    rows += [row("2", "b", "very similar"), row("2", "2", "very similar")]
    print_figures(rows, copies, 1.5)
    lines = {line[:24].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert lines[same].endswith("recall  50.00% (1 of 2)")
    assert lines[similar].endswith("recall  50.00% (1 of 2)")
    assert "same picture: precision 50.00% (1 wrong); 1.5 s" in lines.values()
    assert "  wrong: a c" in lines.values()


def test_a_picture_is_copied_in_each_kind(tmp_path):
    copies = make_copies([str(IMAGES / "rocket.jpg")], tmp_path)
    assert sorted(kind for kind, _photo in copies.values()) == sorted(KINDS)
    sizes = {kind: read_image(path).size for path, (kind, _photo) in copies.items()}
    width, height = read_image(IMAGES / "rocket.jpg").size
    assert sizes["half size"] == (width // 2, height // 2)
    assert sizes["turned by EXIF"] == (width, height)


@pytest.mark.slow
def test_shipped_pictures_are_all_found():
    command = [sys.executable, "-m", "benchmark.duplicates", str(IMAGES), "--photos", "3"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("recall 100.00% (3 of 3)") == len(KINDS)
    assert "precision 100.00% (0 wrong)" in finished.stdout
