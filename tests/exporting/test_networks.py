"""Networks of every kind in every format: the scripts' own proof, on weights whose answers differ."""

import json

import pytest
from conftest import IMAGES, ROOT

from exporting.formats import FORMATS

NETWORKS = ("vgg16", "resnet50", "inception_v3", "xception", "mobilenet_v3_large", "convnext_tiny", "densenet121",
            "nasnet_mobile", "efficientnet_b0", "efficientnet_v2_b0")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_network_in_all_formats(name, run, tmp_path):
    weights = tmp_path / "lively.weights.h5"
    saved = run("tests/save_lively.py", name, weights, *sorted(IMAGES.iterdir()), PYTHONPATH=str(ROOT))
    assert saved.returncode == 0, saved.stderr
    folder, options = tmp_path / "exported", ("--model", name, "--weights", weights, "--no-cache")
    finished = run("export_model.py", *options, "--format", *FORMATS, "--output", folder)
    assert finished.returncode == 0, finished.stderr
    exports = json.loads((folder / "model.json").read_text(encoding="utf-8"))["exports"]
    assert [one["format"] for one in exports] == [*FORMATS]
    assert max(one["largest_difference"] for one in exports) <= 1e-4
