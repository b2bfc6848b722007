"""HEIC as phones and cameras write it: upright, HDR, transparent, damaged, and under wrong names."""

import io
import json
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from conftest import IMAGES, ROOT
from PIL import Image, ImageCms

from decoding.boxes import find_box, items
from decoding.hdr import TO_BT709
from decoding.heif import check_versions, loaded_versions
from errors import ImageError
from preprocess import decode_image

COFFEE = Image.open(IMAGES / "coffee.png").convert("RGB")
SMALL = COFFEE.resize((300, 200))
TURNED = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE}


def heic(image, **options):
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, **{"quality": 90} | options)
    return file.getvalue()


def decode(data, **limits):
    return decode_image(io.BytesIO(data), "x", **limits)


def difference(image, other):
    """Return the mean difference of two pictures of the same size, of 255."""
    assert image.size == other.size
    return np.abs(np.asarray(image).astype(int) - np.asarray(other)).mean()


@pytest.fixture(scope="module")
def plain():
    return heic(COFFEE)


def test_library_is_safe():
    assert check_versions(loaded_versions()) is None


@pytest.mark.parametrize(("name", "version"), [("libheif", "1.23.3"), ("libde265", "HEVC decoder, version 1.1.2")])
def test_library_with_known_faults_is_refused(name, version):
    check_versions({name: "version 1.23.4"})
    with pytest.raises(ImageError, match=rf"^{name} 1.* is installed, .*; pip install --upgrade 'pillow-heif>=1.8'$"):
        check_versions({name: version})


def test_picture_in_a_file(plain):
    image = decode(plain)
    assert image.mode == "RGB"
    assert difference(image, COFFEE) < 3


@pytest.mark.parametrize("orientation", TURNED)
def test_orientation_is_applied_once(orientation):
    """The encoder writes the turn that EXIF says into the file, and keeps EXIF's, too."""
    exif = Image.Exif()
    exif[0x112] = orientation
    upright = COFFEE.resize((90, 60))
    turned = upright.transpose(TURNED[orientation]) if TURNED[orientation] is not None else upright
    assert difference(decode(heic(upright, exif=exif.tobytes())), turned) < 6


@pytest.mark.parametrize(("min_side", "size"), [(201, (600, 400)), (200, (300, 200)), (10, (75, 50))])
def test_large_pictures_are_made_smaller_while_the_short_side_suffices(plain, min_side, size):
    image = decode(plain, min_side=min_side)
    assert image.size == size
    assert difference(image, COFFEE.resize(size, Image.Resampling.BOX)) < 3


def test_transparency_is_laid_over_white():
    image = COFFEE.resize((80, 60)).convert("RGBA")
    image.putalpha(0)
    assert np.asarray(decode(heic(image))).min() > 250


@pytest.mark.parametrize(("mode", "value"), [("L;16", 60000), ("RGB;16", 30000)])
def test_ten_bits_become_eight(mode, value):
    pixels = np.full((64, 80, 1 if mode == "L;16" else 3), value, "<u2")
    file = io.BytesIO()
    pillow_heif.from_bytes(mode, (80, 64), pixels.tobytes()).save(file, quality=-1)
    assert pillow_heif.open_heif(file, convert_hdr_to_8bit=False).info["bit_depth"] == 10
    assert np.abs(np.asarray(decode(file.getvalue())).astype(int) - value / 257).max() < 2


def pq(light):
    """Encode light, 1 being paper white of 203 cd/m2 (the inverse EOTF of BT.2100, table 4)."""
    power = (light * 203 / 10000) ** (2610 / 16384)
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light):
    """Encode light as HLG for a display of 1000 cd/m2 (the inverse OOTF and the OETF of BT.2100, table 5)."""
    display = light * 0.203
    luminance = np.maximum(display @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
    scene = display / luminance ** (1 / 6)
    bright = 0.17883277 * np.log(12 * scene.clip(1 / 12) - 0.28466892) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


@pytest.mark.parametrize("min_side", [None, 100])
@pytest.mark.parametrize(("encode", "transfer"), [(pq, 16), (hlg, 18)])
def test_hdr_looks_like_the_same_picture_in_sdr(encode, transfer, min_side):
    srgb = np.asarray(SMALL) / 255
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    signal = encode(np.clip(light @ np.linalg.inv(TO_BT709).T, 0, 1))
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", SMALL.size, np.round(signal * 65535).astype("<u2").tobytes()).save(
        file, quality=95, chroma=444, color_primaries=9, transfer_characteristics=transfer, matrix_coefficients=9
    )
    plain = pillow_heif.open_heif(file).to_pillow()
    image = decode(file.getvalue(), min_side=min_side)
    assert difference(plain, SMALL) > 10
    assert difference(image, SMALL.resize(image.size, Image.Resampling.BOX)) < 2


def test_colour_profile_is_kept():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decode(heic(COFFEE, icc_profile=profile), min_side=50).info["icc_profile"] == profile
    assert "icc_profile" not in decode(heic(COFFEE.convert("L"), icc_profile=profile)).info


def test_primary_picture_is_taken():
    pictures = pillow_heif.from_pillow(COFFEE.resize((64, 64)))
    pictures.add_from_pillow(COFFEE)
    file = io.BytesIO()
    pictures.save(file, primary_index=1)
    assert decode(file.getvalue()).size == COFFEE.size


def test_max_pixels_holds(plain):
    assert decode(plain, max_pixels=240_000).size == (600, 400)
    with pytest.raises(ImageError, match=r"^600 x 400 pixels are over the limit of 239,999; raise"):
        decode(plain, max_pixels=239_999)


@pytest.mark.parametrize("fraction", [0.001, 0.01, 0.1, 0.5, 0.99])
def test_truncated_file_is_an_error(plain, fraction):
    with pytest.raises(ImageError, match=r"^damaged HEIC picture: .*(missing|truncated|broken)"):
        decode(plain[: int(len(plain) * fraction)])


@pytest.mark.parametrize(("start", "end"), [(0.3, 1), (0.9, 1), (0.5, 0.52)])
def test_zeros_in_place_of_data_are_an_error(plain, start, end):
    start, end = int(start * len(plain)), int(end * len(plain))
    with pytest.raises(ImageError, match="zeros"):
        decode(plain[:start] + bytes(end - start) + plain[end:])


def test_wrong_bytes_give_a_picture_or_a_reason():
    original, rng, messages = heic(COFFEE.resize((90, 60))), random.Random(0), []
    for _ in range(80):
        data = bytearray(original)
        for _ in range(3):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            decode(bytes(data), max_pixels=10**6)
        except ImageError as error:
            messages.append(str(error))
    assert 0 < len(messages) < 80
    assert all(re.search(r"HEIC|is not a picture|over the limit", message) for message in messages)


def test_sequence_without_a_picture_is_named(plain):
    moov = struct.pack(">I4s4s4x4s", 20, b"ftyp", b"msf1", b"hevc") + struct.pack(">I4s", 8, b"moov")
    with pytest.raises(ImageError, match="sequence without a still picture"):
        decode(moov)


def test_items_are_where_the_file_says(plain):
    data = find_box(plain, b"mdat")
    (item,) = [item for item in items(plain) if item.type == b"hvc1"]
    assert data.start <= item.extents[0][0] < item.extents[0][1] <= data.end


def test_folder_of_wrong_names(plain, tmp_path, classify):
    (tmp_path / "heic.jpg").write_bytes(plain)
    COFFEE.save(tmp_path / "jpeg.HEIC", "JPEG")
    (tmp_path / "right.HEIC").write_bytes(plain)
    (tmp_path / "torn.heic").write_bytes(plain[:5000])
    finished = classify("-i", tmp_path, "--format", "jsonl")
    rows = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [(row["labels"] or [None])[0] for row in rows] == ["espresso"] * 3 + [None]
    assert rows[3]["error"].endswith("bytes are missing at its end")
    assert "3 classified, 1 failed" in finished.stderr


def test_missing_package_is_named(plain, tmp_path):
    """In a process that finds Pillow, and no other package."""
    program = f"""
import sys
from PIL import Image
import decoding.isolated, preprocess
sys.path[:] = [entry for entry in sys.path if "-packages" not in entry] + [{str(tmp_path)!r}]
preprocess.read_image({str(tmp_path / "x.heic")!r})
"""
    (tmp_path / "x.heic").write_bytes(plain)
    for package in Path(Image.__file__).parents[1].glob("[Pp][Ii][Ll]*"):  # with the libraries beside it
        if package.name in ("PIL", "pillow.libs"):
            (tmp_path / package.name).symlink_to(package)
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert "is a HEIC picture; pip install 'pillow-heif>=1.8' reads it" in finished.stderr
