"""Run a model with OpenVINO: built by Keras on its OpenVINO backend, so TensorFlow is not imported."""

from pathlib import Path

import numpy as np

from engines.model_cache import cached_model, device_key, model_key
from engines.quick_openvino import openvino
from errors import UsageError
from trained import Spec, registry_rows

#            precision    hint   what the device must be capable of
OPENVINO_PRECISIONS = {
    "float32":  ("f32",  "FP32"),
    "bfloat16": ("bf16", "BF16"),
    "float16":  ("f16",  "FP16"),
}  # fmt: skip
CHANNELS_LAST_ONLY = ("convnext", "densenet", "nasnet")  # modules that raise ValueError for channels_first


class OpenVINOEngine:
    """One graph for one picture, run by as many asynchronous requests as keep every core busy."""

    def __init__(
        self, spec: Spec, weights: str, classes: int, device: str, precision: str, cache_dir: Path | None
    ) -> None:
        core = openvino.Core()
        device = _openvino_device(device, core.available_devices)
        hint = _precision_hint(precision, device, core.get_property(device, "OPTIMIZATION_CAPABILITIES"))
        config = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "THROUGHPUT"}

        def compile_model() -> openvino.CompiledModel:
            return core.compile_model(build_graph(spec, weights, classes), device, config)

        def key() -> dict:
            return model_key(spec, weights, classes) | device_key(core, device, config)

        compiled = cached_model(cache_dir, key, device, config, compile_model) if cache_dir else compile_model()
        self._requests = openvino.AsyncInferQueue(compiled)
        self._outputs = compiled.output(0).shape[1]

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        scores = np.empty((len(pixels), self._outputs), np.float32)

        def keep(request: openvino.InferRequest, index: int) -> None:
            scores[index] = request.get_output_tensor().data[0]

        self._requests.set_callback(keep)
        try:
            for index in range(len(pixels)):
                self._requests.start_async(pixels[index : index + 1], index)
        finally:  # after Ctrl-C, too: a callback into a Python that has ended aborts the process
            self._requests.wait_all()
        return scores


def build_graph(spec: Spec, weights: str, classes: int) -> openvino.Model:
    """Return the network as an OpenVINO graph: uint8 [1, S, S, 3] -> float32 [1, classes].

    OpenVINO convolves channels-first. A channels-last network reaches it with two transpositions
    around each convolution, which keep it from fusing what follows: 1.3 to 4 times slower. So
    the network is built channels-first where its Keras class can be (of several, where all can).
    (Not with `model.export(format="openvino")`, which fixes a batch of 1 inside VGG's Flatten.)
    """
    import keras
    from openvino import opset16 as opset

    from engines.classifier import build
    from engines.network import keras_configured

    is_last = any(part.module.endswith(CHANNELS_LAST_ONLY) for part in registry_rows(spec))
    data_format = "channels_last" if is_last else "channels_first"
    model = build(spec, weights, classes, data_format)
    pixels = opset.parameter([-1, spec.input_size, spec.input_size, 3], np.uint8, name="pixels")
    with keras_configured(data_format):  # Rescaling asks for it again when it is called
        probabilities = model(keras.ops.convert_to_tensor(pixels.output(0)), training=False)
    graph = openvino.Model([opset.result(probabilities.output)], [pixels], spec.name)
    graph.reshape([1, spec.input_size, spec.input_size, 3])
    return graph


def _openvino_device(device: str, available: list[str]) -> str:
    """Return OpenVINO's name for the user's device; raises UsageError when it is not there."""
    if device in ("auto", "cpu"):
        return "CPU"
    gpus = [name for name in available if name.startswith("GPU")]
    number = int(device.partition(":")[2] or 0)
    if number >= len(gpus):
        raise UsageError(
            f"--device {device}: OpenVINO, which uses Intel GPUs, sees only {', '.join(available)}; --device cpu works"
        )
    return gpus[number]


def _precision_hint(precision: str, device: str, capabilities: list[str]) -> str:
    """Return OpenVINO's name for a precision; raises UsageError when the device would only pretend."""
    hint, capability = OPENVINO_PRECISIONS[precision]
    if capability not in capabilities:
        able = [name for name, (_hint, needed) in OPENVINO_PRECISIONS.items() if needed in capabilities]
        raise UsageError(
            f"--precision {precision}: this {device} computes in {', '.join(able)} only "
            "(bfloat16 needs AMX or AVX512-BF16, float16 needs AMX-FP16 or a GPU)"
        )
    return hint
