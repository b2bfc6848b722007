"""Who may import whom (see docs/design.md): arrows point one way, and frameworks stay in their rooms."""

import ast
import subprocess

import pytest
from conftest import ROOT

#   room          may import
ALLOWED = {
    "errors":      set(),
    "files":       set(),
    "interrupts":  set(),
    "native":      set(),
    "results":     set(),
    "settings":    {"errors"},
    "stores":      {"errors", "settings"},
    "transforms":  {"settings"},
    "labels":      {"errors", "files"},
    "models":      {"errors"},
    "console":     {"errors", "interrupts"},
    "networks":    {"errors", "files", "models", "settings", "transforms"},
    "decoding":    {"errors", "settings"},
    "preprocess":  {"decoding", "errors", "settings", "transforms"},
    "sources":     {"decoding", "errors", "files", "labels", "native", "preprocess", "settings", "stores",
                    "transforms"},
    "engines":     {"errors", "files", "native", "networks", "settings"},
    "inference":   {"engines", "errors", "labels", "networks", "results", "settings", "sources", "transforms"},
    "classifiers": {"engines", "errors", "files", "inference", "labels", "models", "networks", "preprocess", "results",
                    "settings", "sources", "transforms"},
    "pipeline":    {"classifiers", "engines", "inference", "results", "settings", "sources"},
    "outputs":     {"console", "decoding", "drawing", "errors", "files", "inference", "labels", "preprocess", "results",
                    "settings", "sources", "stores", "transforms"},
    "cluster":     {"classifiers", "console", "engines", "errors", "files", "outputs", "results", "sources"},
    "arguments":   {"classifiers", "cluster", "console", "engines", "errors", "files", "inference", "labels", "models",
                    "networks", "outputs", "settings", "sources", "stores"},
    "drawing":     {"console", "files", "sources"},
    "probe":       {"classifiers", "engines", "errors", "models"},
    "benchmark":   {"arguments", "classifiers", "cluster", "console", "engines", "errors", "exporting", "files",
                    "interrupts", "labels", "models", "networks", "outputs", "preprocess", "results", "settings",
                    "similarity", "sources", "training"},
    "training":    {"classifiers", "console", "drawing", "engines", "errors", "evaluation", "files", "inference",
                    "labels", "models", "networks", "outputs", "preprocess", "settings", "similarity", "sources",
                    "transforms"},
    "evaluation":  {"classifiers", "console", "drawing", "errors", "files", "inference", "labels", "outputs",
                    "pipeline", "sources"},
    "similarity":  {"classifiers", "console", "decoding", "drawing", "engines", "errors", "files", "inference",
                    "models", "networks", "outputs", "preprocess", "settings", "sources", "transforms"},
    "exporting":   {"classifiers", "console", "errors", "files", "inference", "networks", "settings"},
    "docs":        set(),
    "usage":       set(),
    "comparison":  {"console", "drawing", "errors", "files", "inference", "labels", "outputs", "pipeline", "results",
                    "settings", "sources"},
}  # fmt: skip
FRAMEWORKS = {"tensorflow", "keras", "jax", "torch", "openvino", "onnx", "onnxruntime", "ai_edge_litert", "matplotlib"}
FRAMEWORK_ROOMS = ("engines", "exporting", "networks", "training", "benchmark", "probe", "usage")
PLOTTING_ROOMS = ("drawing", "evaluation")  # of the frameworks, matplotlib only
USED_ALONE = (
    ROOT / "classifiers" / "use_with_keras.py"
)  # is copied to trained classifiers, and imports none of the suite
TRACKED = subprocess.check_output(["git", "ls-files", "*.py", ":!tests"], cwd=ROOT, text=True)
PATHS = [ROOT / name for name in TRACKED.split()]
SCRIPTS = [path.stem for path in PATHS if path.parent == ROOT and "_" in path.stem]


def imports(tree: ast.AST, top_level_only: bool = False) -> set[str]:
    """Return the first part of every module name that is imported."""
    names = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_design(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = imports(tree) & {*ALLOWED, *SCRIPTS} - {room}
    if room in SCRIPTS:
        assert own.isdisjoint(SCRIPTS)
        assert imports(tree, top_level_only=True).isdisjoint({*FRAMEWORKS, "numpy", "PIL", "cv2"})
    else:
        assert own <= ALLOWED[room]
    if path == USED_ALONE:
        assert not own
    elif room not in FRAMEWORK_ROOMS:
        assert imports(tree).isdisjoint(FRAMEWORKS - ({"matplotlib"} if room in PLOTTING_ROOMS else set()))


def test_every_room_exists():
    assert {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in PATHS} == {*ALLOWED, *SCRIPTS}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_public_function_says_what_it_does(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [node for node in tree.body if is_public(node)]
    members = [member for node in public if isinstance(node, ast.ClassDef) for member in node.body if is_public(member)]
    assert ast.get_docstring(tree)
    assert [node.name for node in [*public, *members] if not ast.get_docstring(node)] == []


def is_public(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
