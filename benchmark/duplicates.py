"""Measure how many altered copies of photos find_similar.py finds among other pictures, and how many it takes for some.

    python -m benchmark.duplicates photos/
    python -m benchmark.duplicates photos/ --photos 100 --others more/ --exclude twice.jpg

Of --photos pictures from FOLDER, one of each kind of copy is made, and duplicates are looked for among these and all
pictures. Recall is the share of the copies that are in a group with their photo, at the level that is asked of the kind
or a stricter one. Precision is the share of right ones among the pictures that are the same picture as the best of
their group; copies that were in FOLDER before count as wrong: look at what is named, and leave it out with --exclude.
Among the others are drawn tables that differ in their numbers only, and icons that differ in their colour.

Exit codes: 0 all measured, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import csv
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from arguments.kinds import positive_int
from arguments.options import add_option
from arguments.parser import ArgumentParser
from console import EXIT_OK, configure_messages, run_script
from errors import ImageError, UsageError
from preprocess import read_image
from sources.paths import Search, find_images

SCRIPT = Path(__file__).parent.parent / "find_similar.py"
SAME, SIMILAR = "same picture", "very similar"
STRICT = ("same content", SAME)
TABLES = 40
COLORS = ("black", "red", "green", "blue", "orange", "purple", "brown", "teal", "magenta", "cyan", "pink")
ORIENTATION, TURNED = 0x0112, 6  # EXIF's tag, and its value for a camera that was turned to the right


def _shrunk(image: Image.Image) -> Image.Image:
    return image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, share: float) -> Image.Image:
    across, down = max(1, round(share * image.width)), max(1, round(share * image.height))
    return image.crop((across, down, max(across + 1, image.width - across), max(down + 1, image.height - down)))


def _without_corner(image: Image.Image) -> Image.Image:
    return image.crop((0, 0, max(1, image.width * 9 // 10), max(1, image.height * 9 // 10)))


def _watermarked(image: Image.Image) -> Image.Image:
    layer = Image.new("RGBA", image.size)
    middle, font = (image.width // 2, image.height // 2), ImageFont.load_default(max(1, image.width // 5))
    ImageDraw.Draw(layer).text(middle, "SAMPLE", (255, 255, 255, 90), font, anchor="mm")
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def _jpeg(make: Callable[[Image.Image], Image.Image], quality: int = 90) -> Callable[[Image.Image, Path], None]:
    return lambda image, path: make(image).save(path.with_suffix(".jpg"), quality=quality)


def _webp(image: Image.Image, path: Path) -> None:
    image.save(path.with_suffix(".webp"), quality=80)


def _turned(image: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    image.transpose(Image.Transpose.ROTATE_90).save(path.with_suffix(".jpg"), quality=90, exif=exif)


KINDS = {  # of copies: the level at which they are to be found, and what makes them
    "JPEG quality 30": (SAME, _jpeg(lambda image: image, 30)),
    "JPEG quality 75": (SAME, _jpeg(lambda image: image, 75)),
    "half size": (SAME, _jpeg(_shrunk)),
    "border of 1 % cut off": (SAME, _jpeg(lambda image: _cropped(image, 0.01))),
    "WebP": (SAME, _webp),
    "turned by EXIF": (SAME, _turned),
    "64 pixels": (SAME, _jpeg(lambda image: ImageOps.contain(image, (64, 64)), 80)),
    "256 colours": (SAME, lambda image, path: image.quantize(256).save(path.with_suffix(".gif"))),
    "15 % brighter": (SAME, _jpeg(lambda image: ImageEnhance.Brightness(image).enhance(1.15))),
    "mirrored": (SIMILAR, _jpeg(ImageOps.mirror)),
    "border of 10 % cut off": (SIMILAR, _jpeg(lambda image: _cropped(image, 0.1))),
    "corner of 10 % cut off": (SIMILAR, _jpeg(_without_corner)),
    "watermark": (SIMILAR, _jpeg(_watermarked)),
    "greyscale": (SIMILAR, _jpeg(ImageOps.grayscale)),
}  # fmt: skip


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog, parser.usage = "python -m benchmark.duplicates", "%(prog)s [options] FOLDER"
    parser.add_argument("folder", metavar="FOLDER", help="pictures, of which no two are the same")
    parser.add_argument(
        "--photos", type=positive_int, default=500, metavar="N", help="pictures that are copied (default: 500)"
    )
    parser.add_argument("--others", nargs="+", default=[], metavar="PATH", help="more pictures that are only there")
    add_option(parser, "--exclude")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(quiet=True, debug=False)
    paths = list(find_images([args.folder], Search(tuple(args.exclude))))
    photos = paths[:: max(1, len(paths) // args.photos)][: args.photos]
    with tempfile.TemporaryDirectory(prefix="duplicates-") as folder:
        copies = make_copies(photos, Path(folder) / "copies")
        draw_others(Path(folder) / "drawn")
        index = Path(folder) / "index"
        pictures = ["--image", args.folder, *args.others, str(Path(folder) / "copies"), str(Path(folder) / "drawn")]
        _run([*pictures, "--index", str(index), "--quiet", *(f"--exclude={pattern}" for pattern in args.exclude)])
        started = time.perf_counter()
        rows = list(csv.DictReader(_run(["--index", str(index), "--duplicates", "--format", "csv"]).splitlines()))
        seconds = time.perf_counter() - started
    print_figures(rows, copies, seconds)
    return EXIT_OK


def make_copies(photos: Iterable[str], folder: Path) -> dict[str, tuple[str, str]]:
    """Make a copy of each kind of each photo; return {its path: (its kind, the photo)}."""
    copies = {}
    for number, photo in enumerate(photos):
        try:
            image = read_image(photo)
        except ImageError as error:
            raise UsageError(f"{photo} cannot be copied: {error}") from error
        for place, (kind, (_level, save)) in enumerate(KINDS.items()):
            path = folder / str(place) / f"{number:06}"
            path.parent.mkdir(parents=True, exist_ok=True)
            save(image, path)
            copies[str(next(path.parent.glob(f"{path.name}.*")))] = kind, photo
    return copies


def draw_others(folder: Path) -> None:
    """Draw pictures that are alike, and yet no two are the same: tables of other numbers, icons of other colours."""
    folder.mkdir()
    numbers, font = random.Random(0), ImageFont.load_default(13)
    for table in range(TABLES):
        image = Image.new("RGB", (1000, 700), "white")
        draw = ImageDraw.Draw(image)
        for left, top in itertools.product(range(0, 1000, 100), range(0, 700, 25)):
            draw.rectangle((left, top, left + 100, top + 25), outline="silver")
            draw.text((left + 95, top + 12), str(numbers.randrange(100_000)), "black", font, anchor="rm")
        image.save(folder / f"table{table:02}.png")
    for name in COLORS:
        image = Image.new("RGB", (256, 256), "white")
        ImageDraw.Draw(image).regular_polygon((128, 128, 60), 5, fill=name)
        image.save(folder / f"icon_{name}.png")


def _run(options: Sequence[str]) -> str:
    finished = subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False)
    if finished.returncode not in (0, 1):
        raise UsageError(f"find_similar.py failed: {finished.stderr.strip()}")
    return finished.stdout


def print_figures(rows: Iterable[dict[str, str]], copies: dict[str, tuple[str, str]], seconds: float) -> None:
    """Print the recall of each kind, and the precision."""
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        groups[row["group"]].append(row)
    found, counts = Counter[str](), Counter(kind for kind, _photo_of in copies.values())
    right, wrong = 0, []
    for group in groups.values():
        best = group[0]["path"]
        strict = {row["path"] for row in group if row["level"] in STRICT} | {best}
        everything = {row["path"] for row in group}
        for path in everything & copies.keys():
            kind, photo = copies[path]
            together = strict if KINDS[kind][0] == SAME else everything
            found[kind] += path in together and photo in together
        same = [path for path in strict if path != best]
        right += sum(_photo(path, copies) == _photo(best, copies) for path in same)
        wrong += [(best, path) for path in same if _photo(path, copies) != _photo(best, copies)]
    for kind in filter(counts.get, KINDS):
        share = f"{found[kind] / counts[kind]:7.2%} ({found[kind]:,} of {counts[kind]:,})"
        print(f"{kind:24}{KINDS[kind][0]:14}recall {share}")
    print(f"{SAME}: precision {right / max(1, right + len(wrong)):.2%} ({len(wrong):,} wrong); {seconds:.1f} s")
    for best, path in wrong[:20]:
        print(f"  wrong: {best} {path}")


def _photo(path: str, copies: dict[str, tuple[str, str]]) -> str:
    return copies[path][1] if path in copies else path


if __name__ == "__main__":
    sys.exit(run_script(main))
