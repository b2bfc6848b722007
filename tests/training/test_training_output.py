"""The folder of a run, in every state that a killed process may leave it in."""

import os

import pytest

from errors import UsageError
from training.options import OPTION_NAMES, Options
from training.output import FILES, is_complete, prepare_output, remove_checkpoints

OPTIONS = Options(**dict.fromkeys(OPTION_NAMES))
LEFT = [*(pattern.replace("[0-9]", "1").replace("*", "one") for pattern in FILES), "mine.txt"]


@pytest.fixture
def output(tmp_path):
    """A whole run, and a file of the user's."""
    for name in LEFT:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "head").touch()
    return tmp_path


def test_killed_while_it_wrote_its_options(tmp_path):
    (tmp_path / ".unfinished-training.json").touch()
    prepare_output(tmp_path, OPTIONS, force=False, resume=False)
    assert os.listdir(tmp_path) == ["training.json"]


@pytest.mark.parametrize("force", [False, True])
def test_other_files_stay(tmp_path, force):
    (tmp_path / "mine.txt").touch()
    (tmp_path / ".unfinished-mine.txt").touch()
    if force:
        prepare_output(tmp_path, OPTIONS, force, resume=False)
    else:
        with pytest.raises(UsageError, match=r"holds other files, such as mine\.txt"):
            prepare_output(tmp_path, OPTIONS, force, resume=False)
    assert {"mine.txt", ".unfinished-mine.txt"} <= set(os.listdir(tmp_path))


def test_pictures_that_are_no_part_of_a_run_stay(make):
    folder = make("history.png", "galleries/a.jpg")
    with pytest.raises(UsageError, match=r"holds other files, such as a\.jpg"):
        prepare_output(folder, OPTIONS, force=True, resume=False)
    assert sorted(os.listdir(folder)) == ["galleries", "history.png"]


def test_folders_that_hold_other_files_stay(output):
    (output / "plots" / "mine.txt").touch()
    (output / "galleries" / "mine.txt").touch()
    prepare_output(output, OPTIONS, force=True, resume=False)
    assert sorted(os.listdir(output)) == ["galleries", "mine.txt", "plots", "training.json"]


@pytest.mark.parametrize("killed_at", range(len(FILES) + 2))
def test_killed_while_it_removed_an_earlier_run(output, monkeypatch, killed_at):
    """What is left is no complete run, and can be removed again."""

    class Killed(BaseException):
        pass

    steps = iter(range(killed_at))

    def step(original):
        def stepped(*arguments, **options):
            if next(steps, None) is None:
                raise Killed
            return original(*arguments, **options)

        return stepped

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.unlink", step(type(output).unlink))
        with pytest.raises(Killed):
            prepare_output(output, OPTIONS, force=True, resume=False)
    assert not is_complete(output)
    if "training.json" in os.listdir(output):
        prepare_output(output, OPTIONS, force=False, resume=True)
    prepare_output(output, OPTIONS, force=True, resume=False)
    assert sorted(os.listdir(output)) == ["mine.txt", "training.json"]


def test_checkpoints_that_were_half_removed(output):
    (output / ".finished-checkpoints").mkdir()
    (output / ".finished-checkpoints" / "head").touch()
    remove_checkpoints(output)
    remove_checkpoints(output)
    assert {*os.listdir(output)} == {name.partition("/")[0] for name in LEFT}
    assert is_complete(output)
