"""The list of pictures that a classifier was trained with."""

import pytest

from classifiers.manifest import Picture, read_manifest, write_manifest
from errors import UsageError


def test_manifest_comes_back_as_it_was(tmp_path):
    pictures = [Picture('a,"b/línea\n猫.jpg', "a", "train", "00ff"), Picture("b.jpg", "b", skipped="is, well, empty")]
    write_manifest(tmp_path / "m.csv", pictures)
    assert (tmp_path / "m.csv").read_text(encoding="utf-8").startswith("path,class,split,digest,skipped\n")
    assert read_manifest(tmp_path / "m.csv") == pictures
    (tmp_path / "m.csv").write_text("path\nx,y")
    with pytest.raises(UsageError, match=r"m.csv is damaged: its columns are path"):
        read_manifest(tmp_path / "m.csv")
