"""Run a network with OpenVINO."""

import numpy as np

from engines.model_cache import cached_model, device_key, model_key
from engines.quick_openvino import openvino
from engines.runtime import Runtime
from errors import UsageError
from networks import Network
from networks.weights import Weights

#            precision    hint   what the device must be capable of
OPENVINO_PRECISIONS = {
    "float32":  ("f32",  "FP32"),
    "bfloat16": ("bf16", "BF16"),
    "float16":  ("f16",  "FP16"),
}  # fmt: skip


def load(network: Network, weights: Weights, runtime: Runtime) -> "OpenVINOEngine":
    """Compile a network, or take it from the cache; raises UsageError as `engines.load_engine`."""
    core = openvino.Core()
    device = _openvino_device(runtime.device, core.available_devices)
    hint = _precision_hint(runtime.precision, device, core.get_property(device, "OPTIMIZATION_CAPABILITIES"))
    config: dict[str, object] = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "THROUGHPUT"}
    if runtime.threads is not None and device == "CPU":
        config["INFERENCE_NUM_THREADS"] = str(runtime.threads)
        config["ENABLE_CPU_PINNING"] = False  # each of several processes would take the first core

    def compile_model() -> openvino.CompiledModel:
        from networks.openvino_graph import build_graph  # imports Keras

        return core.compile_model(build_graph(network, weights), device, config)

    def key() -> dict:
        return model_key(network, weights) | device_key(core, device, config)

    if runtime.cache_dir is None:
        return OpenVINOEngine(compile_model())
    return OpenVINOEngine(cached_model(core, runtime.cache_dir, key, device, config, compile_model))


class OpenVINOEngine:
    """One graph for one picture, run by as many asynchronous requests as keep every core busy."""

    def __init__(self, compiled: openvino.CompiledModel) -> None:
        self._requests = openvino.AsyncInferQueue(compiled)
        self._outputs = compiled.output(0).shape[1]

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Compute uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes], or features [N, F]."""
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
