"""classify_image.py with an engine that only looks at one pixel, for tests of what happens around it."""

if __name__ == "__main__":
    import interrupts

    interrupts.exit_at_once()

import sys

import numpy as np

import engines


class QuickEngine:
    """The red of a picture's first pixel decides on its class."""

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, 1000]."""
        return np.eye(1000, dtype=np.float32)[pixels[:, 0, 0, 0]] * 0.75


if __name__ == "__main__":
    engines.load_engine = lambda *_: QuickEngine()
    from classify_image import main
    from console import run_script

    sys.exit(run_script(main))
