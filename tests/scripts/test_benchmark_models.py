"""benchmark_models.py as a user runs it, and its arithmetic against numbers worked out by hand."""

import csv
import importlib.util
import io
import json
import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT
from PIL import Image

from benchmark.pictures import fill_folder
from benchmark.plan import Task, list_tasks, list_ways
from benchmark.summary import Sample, Summary, bound_images_s, derive, make_rows, summarize, times_better
from benchmark.table import COLUMNS, Run, write_text
from errors import UsageError
from models import MODELS, find_model
from networks.weights import has_imagenet_weights

MISSING = [backend for backend in ("jax", "torch") if not importlib.util.find_spec(backend)][:1]
RATES = ("files_images_s", "arrays_images_s", "decode_images_s", "bound_images_s")


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    """One tiny run with everything in it, and a backend that is not installed where there is one."""
    output = tmp_path_factory.mktemp("benchmark") / "table.jsonl"
    options = ["--count", 4, "--repeats", 1, "-b", 4, "--backend", *MISSING, "openvino"]
    process = run("benchmark_models.py", *options, "--format", "jsonl", "--output", output)
    return process, [json.loads(line) for line in output.read_text().splitlines()]


@pytest.fixture(scope="module")
def records(finished):
    """The rows of that run by their way and backend."""
    return {(row["way"], row["backend"]): row for row in finished[1]}


def test_every_way_is_a_row_and_nothing_else_is_said(finished, records):
    process, rows = finished
    assert (process.stdout, process.stderr) == ("", "")
    assert process.returncode == (1 if MISSING else 0)
    ours = [("suite", backend) for backend in [*MISSING, "openvino"]]
    assert [*records] == [("tutorial", "tensorflow"), ("keras", "tensorflow"), *ours]
    assert {(row["model"], row["weights"], row["pictures"]) for row in rows} == {("efficientnet_lite0", "imagenet", 4)}


def test_every_figure_is_there(records):
    ours = records["suite", "openvino"]
    assert ours["error"] == ""
    assert all(ours[column.quantity + part] > 0 for column in COLUMNS for part in ("", "_min", "_max"))
    for baseline in ("tutorial", "keras"):
        row = records[baseline, "tensorflow"]
        assert all(row[name] > 0 for name in ("first_cold_s", "first_warm_s", "files_images_s", "memory_mib"))
        assert row["arrays_images_s"] is row["share_of_bound"] is row["files_images_s_x_tutorial"] is None


def test_ratios_are_quotients_of_the_medians(records):
    ours = records["suite", "openvino"]
    for baseline in ("tutorial", "keras"):
        theirs = records[baseline, "tensorflow"]
        for name in ("first_cold_s", "first_warm_s", "memory_mib"):
            assert ours[f"{name}_x_{baseline}"] == pytest.approx(theirs[name] / ours[name], rel=1e-4)
        files = ours["files_images_s"] / theirs["files_images_s"]
        assert ours[f"files_images_s_x_{baseline}"] == pytest.approx(files, rel=1e-4)


def test_figures_fit_each_other(records):
    ours = records["suite", "openvino"]
    assert ours["share_of_bound"] == pytest.approx(ours["files_images_s"] / ours["bound_images_s"], rel=1e-4)
    assert ours["share_of_arrays"] == pytest.approx(ours["files_images_s"] / ours["arrays_images_s"], rel=1e-4)
    costs = ours["decode_cpu_s"] + ours["arrays_cpu_s"]
    assert ours["bound_images_s"] == pytest.approx(ours["cores"] / costs, rel=1e-4)
    assert ours["first_warm_s"] < ours["first_cold_s"]  # Keras builds nothing
    assert ours["memory_mib"] < records["tutorial", "tensorflow"]["memory_mib"]  # and TensorFlow is not imported


@pytest.mark.skipif(not MISSING, reason="every backend is installed")
def test_backend_that_is_missing_is_a_row_that_says_so(records):
    row = records[("suite", *MISSING)]
    assert row["error"] == f"backend '{MISSING[0]}' is not installed; pip install {MISSING[0]}"
    assert row["files_images_s"] is row["first_warm_s_x_keras"] is None


def test_baselines_that_fail_do_not_stop_the_others(run, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('no tensorflow here')")
    options = ["--weights", "none", "--backend", "openvino", "-b", 2, "--repeats", 1, "--images", IMAGES]
    finished = run("benchmark_models.py", *options, "--format", "csv", PYTHONPATH=str(tmp_path))
    assert (finished.returncode, finished.stderr) == (1, "")
    tutorial, keras, ours = csv.DictReader(io.StringIO(finished.stdout))
    assert tutorial["error"] == keras["error"] == "ImportError: no tensorflow here"
    assert tutorial["files_images_s"] == ours["files_images_s_x_tutorial"] == ""
    assert (ours["error"], ours["weights"], ours["pictures"]) == ("", "none", "4")
    assert all(float(ours[name]) > 0 for name in RATES)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--help"], 0, ""),
        (["--list-models", "resnet*"], 0, ""),
        (
            ["--model", "resnet50", "resnett50"],
            2,
            "error: argument -m/--model: unknown model 'resnett50'; did you mean",
        ),
        (["--repeats", "0"], 2, "error: argument --repeats: '0' is not a whole number from 1"),
        (["--weights", "x.h5"], 2, "error: argument --weights: invalid choice: 'x.h5'"),
        (["--output", "nowhere/table.csv"], 2, "error: cannot write nowhere/table.csv: No such file or directory"),
    ],
)
def test_help_lists_and_argument_errors_import_nothing_heavy(arguments, exit_code, message):
    command = [sys.executable, "-X", "importtime", "benchmark_models.py", *arguments]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == exit_code
    assert message in finished.stderr
    assert not {"tensorflow", "keras", "openvino", "numpy", "PIL"} & {
        line.rpartition("|")[2].strip().partition(".")[0] for line in finished.stderr.splitlines()
    }


def test_no_picture_is_a_usage_error(run, tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture")
    finished = run("benchmark_models.py", "--images", tmp_path)
    assert finished.returncode == 2
    assert "text.jpg: is a text file, not a picture" in finished.stderr
    assert f"error: no picture to measure with in {tmp_path}" in finished.stderr


def test_pictures_become_plain_jpeg_files_repeated_up_to_the_count(tmp_path):
    Image.new("CMYK", (30, 20)).save(tmp_path / "cmyk.jpg")
    Image.new("RGB", (40, 20)).save(tmp_path / "plain.jpg")
    folder = fill_folder(tmp_path / "pictures", [str(tmp_path / "cmyk.jpg"), str(tmp_path / "plain.jpg")], 5)
    images = [Image.open(path) for path in sorted(folder.iterdir())]
    assert [(image.format, image.mode, image.width) for image in images] == [
        ("JPEG", "RGB", width) for width in (30, 40, 30, 40, 30)
    ]
    assert images[1].filename != str(tmp_path / "plain.jpg")  # but a link to it:
    assert (folder / "000001.jpg").read_bytes() == (tmp_path / "plain.jpg").read_bytes()
    for image in images:
        image.close()


def test_shipped_pictures_are_a_hundred_of_imagenets_size(tmp_path):
    folder = fill_folder(tmp_path / "pictures", None, None)
    with Image.open(folder / "000099.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (500, 375))
    assert len(list(folder.iterdir())) == 100


def test_no_picture_left_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="no picture to measure with in nowhere"):
        fill_folder(tmp_path / "pictures", ["nowhere"], 3)


def test_median_and_spread():
    assert summarize([3.0, 1.0, 10.0]) == Summary(3.0, 1.0, 10.0)
    assert summarize([1.0, 2.0]) == Summary(1.5, 1.0, 2.0)


def test_bound_spends_every_core_on_decoding_and_inference():
    sample = {"decode_cpu_s": 0.010, "arrays_cpu_s": 0.040, "arrays_images_s": 30.0, "arrays_on_gpu": False}
    assert bound_images_s(sample, cores=2) == pytest.approx(40)  # 2 s of CPU / 0.050 s; above the bare engine alone
    assert bound_images_s(sample | {"arrays_on_gpu": True}, cores=2) == 30
    figures = derive(sample | {"files_images_s": 36.0}, cores=2)
    assert figures["share_of_bound"] == pytest.approx(0.9)
    assert figures["share_of_arrays"] == pytest.approx(1.2)


def test_times_better_is_above_one_when_ours_is_faster_or_smaller():
    assert times_better("first_warm_s", ours=0.5, theirs=5.0) == 10
    assert times_better("files_images_s", ours=40.0, theirs=8.0) == 5
    assert times_better("memory_mib", ours=300.0, theirs=600.0) == 2


@pytest.fixture
def rows():
    """Three repeats, the last of which was interrupted; one baseline failed."""
    ways = list_ways("resnet50", "none", ["openvino"], ["float32"], [1, 8])
    samples = {task: [Sample()] * 3 for task in list_tasks(ways)}
    first = Task("first", "resnet50", "none", "openvino", "float32")
    samples[first][:2] = [
        Sample({"first_cold_s": 3.0, "first_warm_s": 0.4}),
        Sample({"first_cold_s": 5.0, "first_warm_s": 0.6}),
    ]
    samples[Task("tutorial_first", "resnet50", "none")][0] = Sample({"first_cold_s": 6.0, "first_warm_s": 6.0})
    errors = {Task("keras_files", "resnet50", "none", batch_size=8): "out of memory"}
    return make_rows(ways, samples, errors, cores=2)


def test_rows_share_tasks_and_keep_what_was_measured(rows):
    assert [str(row.way) for row in rows] == [
        "tutorial, batch 1", "keras, batch 1", "keras, batch 8",
        "openvino float32, batch 1", "openvino float32, batch 8",
    ]  # fmt: skip
    assert [row.error for row in rows] == ["", "", "out of memory", "", ""]
    for ours in rows[3:]:
        assert ours.summaries == {"first_cold_s": Summary(4.0, 3.0, 5.0), "first_warm_s": Summary(0.5, 0.4, 0.6)}
        assert ours.ratios == {"tutorial": {"first_cold_s": 1.5, "first_warm_s": 12.0}}


@pytest.mark.parametrize(("weights", "agreement"), [("imagenet", [None, None, 1.0, 0.75]), ("none", [None] * 4)])
def test_agreement_is_with_the_first_row_in_float32(weights, agreement):
    ways = list_ways("resnet50", weights, ["openvino"], ["float32", "bfloat16"], [8])
    samples = {task: [Sample()] for task in list_tasks(ways)}
    for precision, answers in {"float32": "abcd", "bfloat16": "abcx"}.items():
        samples[Task("files", "resnet50", weights, "openvino", precision, 8)][0] = Sample(answers=list(answers))
    summaries = [row.summaries.get("agreement") for row in make_rows(ways, samples, {}, cores=2)]
    assert [summary and summary.median for summary in summaries] == agreement


def test_table_for_people(rows):
    stream = io.StringIO()
    write_text(rows, Run(pictures=100, repeats=3, cores=2, device="auto"), stream)
    title, _above, heading, *lines = stream.getvalue().splitlines()
    assert title.startswith("resnet50, random weights: 100 pictures, 2 cores, median of 3")
    assert heading.split()[:5] == ["way", "cold,", "s", "warm,", "s"]
    start = next(index for index, line in enumerate(lines) if line.startswith("openvino float32, batch 8"))
    assert [line.split() for line in lines[start : start + 3]] == [
        ["openvino", "float32,", "batch", "8", "4.00", "0.500", *["-"] * 8],
        ["min..max", "3.00..5.00", "0.400..0.600"],
        ["x", "tutorial", "1.50x", "12.0x"],
    ]
    assert "  error: out of memory" in lines
    assert max(map(len, lines)) <= 142


def test_weights_that_need_no_download_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    for name in ("resnet50v2_weights_tf_dim_ordering_tf_kernels.h5", "xception_weights_notop.h5", "NASNet-mobile.h5"):
        (tmp_path / "models" / name).touch()
    there = {name for name, spec in MODELS.items() if spec.needs_download and has_imagenet_weights(spec)}
    assert there == {"resnet50_v2", "nasnet_mobile"}
    assert has_imagenet_weights(find_model("efficientnet_lite0"))
