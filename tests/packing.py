"""Archives for tests."""

import io
import tarfile
import warnings
import zipfile

from conftest import IMAGES

CAT, COFFEE = ((IMAGES / name).read_bytes() for name in ("cat.png", "coffee.png"))


def pack(name, members, **options):
    """Write an archive of (name, bytes) in the current folder."""
    if name.lower().endswith(".zip"):
        with zipfile.ZipFile(name, "w", **options) as archive:
            for member, data in members:
                with warnings.catch_warnings(action="ignore"):  # that a name is there twice
                    archive.writestr(member, data)
        return
    kind = {"gz": "gz", "tgz": "gz", "bz2": "bz2", "xz": "xz"}.get(name.rpartition(".")[2], "")
    with tarfile.open(name, f"w:{kind}") as archive:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def packed(folder, kind, stems):
    """Return an archive of cats, each of which has a text beside it, as WebDataset's shards are."""
    path = folder / f"packed.{kind}"
    pack(str(path), [member for stem in stems for member in ((f"{stem}.png", CAT), (f"{stem}.cls", b"7"))])
    return path.read_bytes()
