"""Classify a folder with an engine that costs nothing: `python tests/stream_folder.py FOLDER RESULTS.jsonl`.

Prints the process's peak of memory, MiB.
"""

import sys
import warnings

import numpy as np
from peak import peak_mib

from classifiers import load_classifier
from outputs.formats import make_format
from outputs.results_file import open_results


class Plain:
    """Finds every class as likely as the others."""

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        return np.full((len(pixels), 1000), 0.001, np.float32)


def main() -> None:
    """Stream the folder into the file."""
    warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
    folder, path = sys.argv[1:]
    classifier = load_classifier(max_pixels=1_000_000, engine=Plain())
    with open_results(path, make_format("jsonl", classifier.name, 5), {}, resume=False, force=False) as results:
        for frame, result in classifier.classify_frames(folder):
            results.write(frame, result)
    print(peak_mib())


if __name__ == "__main__":
    main()
