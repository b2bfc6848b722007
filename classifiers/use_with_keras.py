"""Name what is in pictures with plain Keras: python use_with_keras.py cat.jpg

Needs keras (on TensorFlow, JAX or PyTorch), numpy and pillow, and model.keras, labels.txt and spec.json beside it. The
model must get pixels like those that it was trained on: keras.utils.load_img(target_size=...) makes other ones.
"""

import io
import json
import sys
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageCms, ImageOps

FOLDER = Path(__file__).resolve().parent
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


def main(paths: list[str]) -> None:
    """Print the five best labels of each picture."""
    spec = json.loads((FOLDER / "spec.json").read_text(encoding="utf-8"))
    labels = (FOLDER / "labels.txt").read_text(encoding="utf-8").split("\n")
    model = keras.models.load_model(FOLDER / "model.keras", compile=False)
    for path in paths:
        square = read_square(path, **spec["preprocessing"])
        scores = np.asarray(model.predict(square[np.newaxis], verbose=0))[0]
        ranked = np.argsort(-scores, kind="stable")
        if spec["threshold"] is not None and (scores[1] >= spec["threshold"]) != ranked[0]:
            ranked = ranked[::-1]  # of two classes, the second is the answer from this score on
        print(path)
        for rank, index in enumerate(ranked[:5], start=1):
            print(f"{rank}. {labels[index]}: {scores[index]:.2%}")
        print()


if __name__ == "__main__":
    main(sys.argv[1:] or sys.exit(__doc__))
