"""Networks of every kind in every format: the scripts' own proof, on weights whose answers differ."""

import pytest
from conftest import IMAGES

from exporting.formats import FORMATS

NETWORKS = ("vgg16", "resnet50", "inception_v3", "xception", "mobilenet_v3_large", "convnext_tiny", "densenet121",
            "nasnet_mobile", "efficientnet_b0")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_network_in_all_formats(name, run):
    finished = run("-m", "benchmark.exports", IMAGES, "--model", name, "--weights", "none")
    assert finished.returncode == 0, finished.stderr
    _heading, *rows = (line.split() for line in finished.stdout.splitlines())
    assert [row[:2] for row in rows] == [[name, one] for one in FORMATS]
    assert max(float(row[3]) for row in rows) <= 1e-4


@pytest.mark.slow
def test_pictures_that_cannot_differ_are_refused(run, tmp_path):
    options = ("--model", "mobilenet_v3_small", "--weights", "none", "--format", "openvino")
    finished = run("-m", "benchmark.exports", tmp_path, *options)
    assert finished.returncode == 1
    assert "mobilenet_v3_small: openvino: answers to 0 pictures cannot differ" in finished.stderr
