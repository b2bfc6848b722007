"""What is wrong with a file that cannot be read as a picture."""

SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
ARCHIVES = (b"PK\3\4", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"Rar!", b"7z\xbc\xaf")
VIDEOS = (b"\x1aE\xdf\xa3", b"FLV", b"\0\0\1\xba")  # Matroska and WebM, Flash, MPEG


def why_not_an_image(head: bytes) -> str:
    """Say what a file is that is read by no decoder, from its first bytes."""
    head = head.removeprefix(b"\xef\xbb\xbf")  # the mark of UTF-8 text
    start = head.lstrip().lower()
    if not head:
        return "the file is empty"
    if start.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the picture itself; run `git lfs pull`"
    if start.startswith((b"<!doctype html", b"<html")):
        return "is an HTML page, not a picture (a failed download?)"
    if b"<svg" in start:
        return "is an SVG drawing; convert it to PNG"
    if head.startswith(SIGNATURES) or head[8:12] in (b"WEBP", b"avif"):
        return "damaged picture: it begins like one, but its header is broken"
    if not head.strip(b"\0"):
        return "holds only zero bytes (an interrupted copy?)"
    if head.startswith(ARCHIVES):
        return "is an archive, not a picture; a name that ends in .zip or .tar says so"
    if head.startswith(VIDEOS) or head[4:8] == b"ftyp" or head[8:12] == b"AVI ":
        return "is a video, not a picture; a name that ends in .mp4 or the like says so"
    if _is_text(head):
        return "is a text file, not a picture"
    return "is not a picture in a known format"


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", errors="ignore")  # the last character may be cut
    return len(text.encode()) >= len(head) - 3 and all(c.isprintable() or c.isspace() for c in text)


def reason_of(error: Exception) -> str:
    """Return the first line of what an exception says, or its name."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
