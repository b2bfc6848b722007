"""How a picture becomes the square that a network takes. Plain data; `preprocess` does it."""

from dataclasses import dataclass

from settings import INTERPOLATIONS, MAX_PIXELS, RESIZE_MODES, check_choice, check_count

REDUCING_GAP = 2  # times the size wanted that a JPEG is decoded at; Pillow's own choice for thumbnails


@dataclass(frozen=True)
class Transform:
    """All that decides which uint8 RGB square [size, size, 3] a picture becomes.

    `crop` takes the centre square whose side is `crop_fraction` of the picture's short side,
    which is to resize the short side to size / crop_fraction and crop the centre: the
    evaluation that the models' accuracies were published with. `pad` keeps the whole picture and
    its proportions. Both are antialiased. `stretch` ignores the proportions and takes nearest
    neighbours, as keras.utils.load_img(target_size=...) does in the tutorials.
    """

    size: int  # side of the square, pixels
    resize: str = "crop"  # one of RESIZE_MODES
    crop_fraction: float | None = 0.875  # of the picture's short side; None: the whole picture, squeezed to a square
    interpolation: str = "bilinear"
    max_pixels: int = MAX_PIXELS  # of a picture; larger ones are refused

    def __post_init__(self) -> None:
        check_choice("resize", self.resize, RESIZE_MODES)
        check_choice("interpolation", self.interpolation, INTERPOLATIONS)
        check_count("size", self.size)
        check_count("max_pixels", self.max_pixels)

    @property
    def min_side(self) -> int | None:
        """The pixels that a picture's short side must keep when a JPEG is decoded at reduced size; None: all."""
        return None if self.resize == "stretch" else round(REDUCING_GAP * self.size / (self.crop_fraction or 1))

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return what the square shows of a picture: left, top, right, bottom, pixels; of `pad`, more than there is."""
        if self.resize == "pad":
            side_x = side_y = float(max(width, height))
        elif self.resize == "stretch" or self.crop_fraction is None:
            side_x, side_y = float(width), float(height)
        else:
            side_x = side_y = min(width, height) * self.crop_fraction
        left, top = (width - side_x) / 2, (height - side_y) / 2
        return left, top, left + side_x, top + side_y
