"""Classify a folder with an engine that costs nothing: `python tests/stream_folder.py FOLDER RESULTS.jsonl`.

Prints the process's peak of memory, MiB.
"""

import sys
import warnings

import numpy as np
from peak import peak_mib

from labels import read_labels
from models import find_model
from outputs.formats import make_format
from outputs.results_file import open_results
from pipeline import classify_frames
from sources.frames import read_frames
from sources.paths import find_images


class Plain:
    """Finds every class as likely as the others."""

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        return np.full((len(pixels), 1000), 0.001, np.float32)


def main() -> None:
    """Stream the folder into the file."""
    warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
    folder, path = sys.argv[1:]
    spec = find_model("efficientnet_lite0")
    frames = read_frames(find_images(folder), spec, max_pixels=1_000_000, patience=0.2)
    with open_results(path, make_format("jsonl", spec.name, 5), {}, resume=False, force=False) as results:
        for result in classify_frames(frames, Plain(), read_labels()):
            results.write(result)
    print(peak_mib())


if __name__ == "__main__":
    main()
