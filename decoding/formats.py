"""Which files are pictures, videos and archives, by their extension, and what Pillow calls their format."""

import os
import re

# of raw data: Adobe, Canon, Nikon, Sony, Fujifilm, Olympus, Panasonic, Pentax, Samsung, Leica, Epson, ...
RAW_SUFFIXES = (
    ".dng", ".crw", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf", ".rw2", ".pef",
    ".srw", ".rwl", ".erf", ".3fr", ".fff", ".iiq", ".mef", ".mos", ".mrw", ".kdc", ".dcr", ".x3f", ".gpr",
)  # fmt: skip
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff",
    ".avif", ".avifs", ".heic", ".heif", ".heics", ".heifs", ".hif", ".jxl",
    ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx",
    ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".pcx", ".qoi", ".psd", ".ico", ".tga", ".svg",
    ".jps", ".pam", ".psb", ".svgz", ".cur", ".icns", ".dds", ".exr", ".jxr", ".sgi", ".eps", ".xcf",  # mostly not read
    *RAW_SUFFIXES,
)  # fmt: skip

# Formats of photographs. Pillow knows more, but some run other programs (EPS) or have no
# signature, so that any bytes could pass for them (TGA, which is read when its name says so).
PILLOW_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "AVIF", "JPEG2000", "DIB", "PCX", "QOI", "PSD")
MULTI_FRAME_FORMATS = ("AVIF", "GIF", "PNG", "TIFF", "WEBP")  # not MPO, one photograph in several sizes or views

HEIC, JPEG_XL, RAW = "HEIC", "JPEG XL", "camera RAW"  # decoded in processes of their own
PACKAGES = {HEIC: "pillow-heif>=1.8", JPEG_XL: "pillow-jxl-plugin", RAW: "rawpy"}  # what reads them

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".avi", ".mkv", ".webm", ".ogv", ".wmv", ".asf", ".flv", ".f4v",
    ".mpg", ".mpeg", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".mxf", ".dv", ".mjpg", ".mjpeg", ".y4m", ".h264", ".h265",
)  # fmt: skip
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
IN_ARCHIVE = re.compile(rf"({'|'.join(map(re.escape, ARCHIVE_SUFFIXES))})[/{re.escape(os.sep)}]", re.IGNORECASE)


def split_member(path: str) -> tuple[str, str]:
    """Return the archive that a path such as photos.zip/holiday/a.jpg leads into, and the path in it; else "", ""."""
    for match in IN_ARCHIVE.finditer(path):
        if os.path.isfile(path[: match.end() - 1]):
            return path[: match.end() - 1], path[match.end() :].replace(os.sep, "/")
    return "", ""


def archive_of(path: str) -> str:
    """Return the archive that a path is, or leads into; else ""."""
    is_archive = path.lower().endswith(ARCHIVE_SUFFIXES) and os.path.isfile(path)
    return path if is_archive else split_member(path)[0]
