"""The pictures that everything is measured with: a folder of plain JPEG files."""

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from errors import ImageError, UsageError
from preprocess import read_image
from sources.paths import Search, find_images

SHIPPED = Path(__file__).resolve().parent.parent / "images"
SHIPPED_SIZE = (500, 375)  # pixels; the most frequent one in ImageNet
QUALITY = 90  # of JPEG
DEFAULT_COUNT = 100

logger = logging.getLogger("suite")


def fill_folder(folder: Path, images: Sequence[str] | None, count: int | None, search: Search = Search()) -> Path:
    """Put `count` JPEG files into `folder`, which is made for them: all different ones, and then those again.

    Without `images` these are the shipped pictures, all of ImageNet's usual size. JPEG files
    that TensorFlow can decode are linked, other pictures are encoded anew in their own size.
    Without a `count`, every one of `images` is taken once. Returns `folder`.
    Raises UsageError when there is no picture to take.
    """
    folder.mkdir()
    if count is None and not images:
        count = DEFAULT_COUNT
    done: list[Path] = []
    for path in find_images(images or [str(SHIPPED)], search):
        if len(done) == count:
            break
        target = folder / f"{len(done):06}.jpg"
        try:
            _put(path, target, None if images else SHIPPED_SIZE)
        except ImageError as error:
            logger.warning("left out: %s: %s", path, error)
        else:
            done.append(target)
    if not done:
        raise UsageError(f"no picture to measure with in {', '.join(images or [])}")
    for number in range(len(done), count or 0):
        _link(done[number % len(done)], folder / f"{number:06}.jpg")
    return folder


def _put(path: str, target: Path, size: tuple[int, int] | None) -> None:
    if size is None and _is_plain_jpeg(path):
        _link(Path(path).resolve(), target)
        return
    image = read_image(path)
    if size:
        image = ImageOps.fit(image, size)
    image.save(target, quality=QUALITY)


def _is_plain_jpeg(path: str) -> bool:
    """Tell a JPEG that every library decodes from CMYK ones and from other formats."""
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            return image.format == "JPEG" and image.mode in ("RGB", "L")
    except Exception:  # Pillow raises almost anything for hostile bytes; read_image says what is wrong
        return False


def _link(source: Path, target: Path) -> None:
    try:
        os.symlink(source, target)
    except OSError:  # Windows asks for a privilege
        shutil.copyfile(source, target)
