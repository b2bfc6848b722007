"""The table of formats that models are exported to. Plain data; imports no framework."""

import importlib.util
import math
from dataclasses import dataclass

from errors import UsageError

FLOAT32 = "float32"
#   precision   what it means                                              largest difference allowed, of a probability
TOLERANCES = {
    FLOAT32:   1e-4,
    "float16": 0.02,  # kernels rounded to 11 bits
    "dynamic": 0.25,  # kernels, and while it computes what they are multiplied with, in 8 bits
    "int8":    0.5,   # nearly everything in 8 bits, by ranges that were seen in calibration pictures
}  # fmt: skip
PRECISIONS = tuple(TOLERANCES)
CALIBRATED = "int8"


@dataclass(frozen=True)
class Format:
    """One row: what is written, with what, and what runs it."""

    name: str  # what the user types after --format
    stem: str  # of the file or folder
    suffix: str
    backend: str  # that Keras builds the network on
    packages: dict[str, str]  # {module: what pip installs it by} that writing and running need
    runtime: str  # the package that runs it
    module: str  # with `write(order)` and `load(order)`
    precisions: tuple[str, ...] = (FLOAT32, "float16")
    also: tuple[str, ...] = ()  # suffixes of files that come with it
    most_bytes: float = math.inf  # of a file, in float32

    def file_name(self, precision: str) -> str:
        """Return the name of the file or folder in a precision: float32 goes without saying."""
        return f"{self.stem}{'' if precision == FLOAT32 else f'_{precision}'}{self.suffix}"


TENSORFLOW = {"tensorflow": "tensorflow"}
ONNX = TENSORFLOW | {"onnx": "onnx", "tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime"}
LITERT = TENSORFLOW | {"ai_edge_litert": "ai-edge-litert"}
OPENVINO = {"openvino": "openvino"}
PROTOBUF = FLATBUFFER = 2**31  # bytes that a file of either can have
# fmt: off
FORMATS = {
    row.name: row
    for row in (
        #      name           stem           suffix     backend       packages    runtime
        Format("keras",       "model",       ".keras",  "tensorflow", TENSORFLOW, "keras",          "exporting.keras_file"),
        Format("saved_model", "saved_model", "",        "tensorflow", TENSORFLOW, "tensorflow",     "exporting.saved_model"),
        Format("onnx",        "model",       ".onnx",   "tensorflow", ONNX,       "onnxruntime",    "exporting.onnx_file", most_bytes=PROTOBUF),
        Format("litert",      "model",       ".tflite", "tensorflow", LITERT,     "ai-edge-litert", "exporting.litert", PRECISIONS, most_bytes=FLATBUFFER),
        Format("openvino",    "model",       ".xml",    "openvino",   OPENVINO,   "openvino",       "exporting.openvino_ir", also=(".bin",)),
    )
}
# fmt: on


def check_format(row: Format, precisions: tuple[str, ...]) -> None:
    """Raise UsageError when a format does not have a precision, or a package that it needs is not installed."""
    for precision in precisions:
        if precision not in row.precisions:
            able = ", ".join(other.name for other in FORMATS.values() if precision in other.precisions)
            raise UsageError(
                f"--precision {precision} is not to be had of --format {row.name}, which has "
                f"{', '.join(row.precisions)}; {able} has it"
            )
    missing = {module: pip for module, pip in row.packages.items() if importlib.util.find_spec(module) is None}
    if missing:
        files = ["requirements.txt"] if missing.keys() & (TENSORFLOW | OPENVINO).keys() else []
        files += ["requirements-export.txt"] if missing.keys() - (TENSORFLOW | OPENVINO).keys() else []
        raise UsageError(
            f"--format {row.name} needs what is not installed ({', '.join(missing.values())}); "
            f"pip install {' '.join(f'-r {file}' for file in files)}"
        )


def check_size(row: Format, name: str, parameters: int) -> None:
    """Raise UsageError when a model has more parameters than a file of a format can hold."""
    if 4 * parameters >= row.most_bytes:
        able = ", ".join(other.name for other in FORMATS.values() if other.most_bytes > row.most_bytes)
        raise UsageError(
            f"{name} has {parameters:,} parameters, and a file of --format {row.name} can hold "
            f"{row.most_bytes / 2**30:.0f} GiB; take {able}"
        )
