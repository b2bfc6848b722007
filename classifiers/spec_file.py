"""Tell a spec.json that can be used from one that only looks like it, key by key."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from models import MODELS
from networks import HEADS
from networks.own import RANGES
from settings import INTERPOLATIONS, RESIZE_MODES

FORMAT = 1  # of spec.json; a reader refuses what is above
OWN = "own_backbones"  # the key of what is said of those that are not in the registry; there may be none


def is_newer(content: dict[str, Any]) -> bool:
    """Return whether a newer version of the suite wrote this."""
    return is_count(content.get("format")) and content["format"] > FORMAT


def check_content(content: dict[str, Any]) -> None:
    """Raise ValueError that names the first key that is missing or has a value that cannot be."""
    for key, is_right in RULES.items():
        _check_key(content, key.split("/"), is_right)
    own = content.get(OWN, {})
    if not isinstance(own, dict):
        raise ValueError(f"{OWN} cannot be {shortened(own)}")
    for name in own:
        for key, is_right in RULES_OF_OWN.items():
            _check_key(content, [OWN, name, key], is_right)
        for key, is_right in RULES_OF_FILES.items():
            _check_key(content, ["files", own[name]["file"], key], is_right)
    if unknown := [name for name in content["backbones"] if name not in MODELS and name not in own]:
        raise ValueError(f"the backbone '{unknown[0]}' is not in the registry (see --list-models)")


def _check_key(content: dict[str, Any], key: Sequence[str], is_right: Callable[[Any], bool]) -> None:
    value: Any = content
    for part in key:
        if not isinstance(value, dict) or part not in value:
            raise ValueError(f"{'/'.join(key)} is missing")
        value = value[part]
    if not is_right(value):
        raise ValueError(f"{'/'.join(key)} cannot be {shortened(value)}")


def is_count(value: Any) -> bool:
    """Return whether a value is a whole number from 1."""
    return type(value) is int and value > 0


def shortened(value: Any) -> str:
    """Return a value as JSON, or its beginning."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in choices


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _are_names(value: Any) -> bool:
    are_strings = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return are_strings and len(set(value)) == len(value) > 0


def _is_file_name(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"backbone_[0-9]+\.json", value))


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64


#   key                            whether a value can be
RULES: dict[str, Callable[[Any], bool]] = {
    "format":                      lambda value: is_count(value) and value == FORMAT,
    "backbones":                   _are_names,
    "head/kind":                   _one_of(HEADS),
    "head/hidden_units":           is_count,
    "head/dropout":                lambda value: _is_share(value) and value < 1,
    "classes":                     is_count,
    "preprocessing/input_size":    is_count,
    "preprocessing/crop_fraction": lambda value: value is None or (_is_share(value) and value > 0),
    "preprocessing/interpolation": _one_of(INTERPOLATIONS),
    "preprocessing/resize":        _one_of(RESIZE_MODES),
    "threshold":                   lambda value: value is None or _is_share(value),
    "files/model.keras/bytes":     is_count,
    "files/model.keras/sha256":    _is_sha256,
    "files/labels.txt/bytes":      is_count,
    "files/labels.txt/sha256":     _is_sha256,
}  # fmt: skip
RULES_OF_OWN: dict[str, Callable[[Any], bool]] = {
    "file":       _is_file_name,
    "preprocess": _one_of((*RANGES, *MODELS)),
}  # fmt: skip
RULES_OF_FILES: dict[str, Callable[[Any], bool]] = {"bytes": is_count, "sha256": _is_sha256}
