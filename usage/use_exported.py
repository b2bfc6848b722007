"""Name what is in pictures with an exported model: python use_exported.py exported/model.onnx cat.jpg

Needs numpy, pillow and what runs the file: onnxruntime (.onnx), ai-edge-litert (.tflite), openvino (.xml), tensorflow
(saved_model) or keras (.keras). model.json lies beside the file. The model must get pixels like those that it was
trained on, which read_square makes; all else is inside of it.
"""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

Predict = Callable[[np.ndarray], np.ndarray]  # uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]

MARGIN = (124, 116, 104)  # the colour around a picture that is padded
GREY = ("1", "L", "LA", "I;16")  # modes of pictures whose colour profile does not matter


def read_rgb(path: str, least: int) -> Image.Image:
    """Read a picture upright, on white where it is transparent; of a large JPEG's short side keep `least` pixels."""
    with Image.open(path) as file:
        if least:
            file.draft(None, (least, least))  # decodes a JPEG at a half, a quarter or an eighth of its size
        image = ImageOps.exif_transpose(file)
    profile = None if image.mode in GREY else image.info.get("icc_profile")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB")
    image.info = {"icc_profile": profile}
    return image


def find_conversion(profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """Return what makes sRGB of a colour profile's colours, if it changes any of them by more than 8 of 255."""
    try:
        source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile or b"")), ImageCms.createProfile("sRGB")
        conversion = ImageCms.buildTransform(source, target, "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    except (ImageCms.PyCMSError, OSError):
        return None
    colors = np.stack(np.meshgrid(*3 * [[*range(0, 225, 32), 255]]), axis=-1).astype(np.uint8).reshape(9, 81, 3)
    converted = ImageCms.applyTransform(Image.fromarray(colors), conversion)
    return conversion if np.abs(np.asarray(converted, int) - colors).max() > 8 else None


def resized(
    image: Image.Image, size: tuple[int, int], method: Image.Resampling, box: tuple | None = None
) -> Image.Image:
    """Resize a picture, and convert the few pixels that are left to sRGB."""
    small = image.resize(size, method, box)
    conversion = find_conversion(image.info["icc_profile"])
    return (conversion and ImageCms.applyTransform(small, conversion)) or small


def read_square(path: str, input_size: int, resize: str, crop_fraction: float | None, interpolation: str) -> np.ndarray:
    """Read a picture as the square that the model takes, uint8 RGB [S, S, 3]; spec.json says the rest."""
    image = read_rgb(path, 0 if resize == "stretch" else round(2 * input_size / (crop_fraction or 1)))
    (width, height), size = image.size, (input_size, input_size)
    method = Image.Resampling[interpolation.upper()]
    if resize == "stretch":
        square = resized(image, size, Image.Resampling.NEAREST)
    elif resize == "pad":
        scale = input_size / max(width, height)
        inner = resized(image, (max(1, round(width * scale)), max(1, round(height * scale))), method)
        square = Image.new("RGB", size, MARGIN)
        square.paste(inner, ((input_size - inner.width) // 2, (input_size - inner.height) // 2))
    elif crop_fraction is None:
        square = resized(image, size, method)
    else:
        side = min(width, height) * crop_fraction
        left, top = (width - side) / 2, (height - side) / 2
        square = resized(image, size, method, (left, top, left + side, top + side))
    return np.asarray(square)


def load_onnx(path: Path) -> Predict:
    """Return what runs a .onnx file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return lambda squares: session.run(["probabilities"], {"pixels": squares})[0]


def load_litert(path: Path) -> Predict:
    """Return what runs a .tflite file, one picture at a time."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()

    def predict(squares: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], squares)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return predict


def load_openvino(path: Path) -> Predict:
    """Return what runs an .xml file with its .bin."""
    import openvino

    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda squares: compiled(squares)["probabilities"]


def load_saved_model(path: Path) -> Predict:
    """Return what runs a SavedModel, a folder."""
    import tensorflow

    model = tensorflow.saved_model.load(str(path))
    return lambda squares: model.serve(tensorflow.constant(squares))["probabilities"].numpy()


def load_keras(path: Path) -> Predict:
    """Return what runs a .keras file."""
    import keras

    return keras.models.load_model(path, compile=False).predict_on_batch


LOADERS = {
    ".onnx": load_onnx, ".tflite": load_litert, ".xml": load_openvino, ".keras": load_keras, "": load_saved_model,
}  # fmt: skip


def main(file: str, *pictures: str) -> None:
    """Print the five best labels of each picture."""
    card = json.loads(Path(file).with_name("model.json").read_text(encoding="utf-8"))
    predict = LOADERS[Path(file).suffix](Path(file))
    for picture in pictures:
        scores = predict(read_square(picture, **card["preprocessing"])[np.newaxis])[0]
        ranked = np.argsort(-scores, kind="stable")
        if card["threshold"] is not None and (scores[1] >= card["threshold"]) != ranked[0]:
            ranked = ranked[::-1]  # of two classes, the second is the answer from this score on
        print(picture)
        for rank, index in enumerate(ranked[:5], start=1):
            print(f"{rank}. {card['labels'][index]}: {scores[index]:.2%}")
        print()


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 2 else sys.exit(__doc__)
