import os
import pickle
import random
import shutil

import pytest
import torch
from torch import nn

from telos.core.errors import RunError
from telos.core.run import Run
from telos.core.weights import load_weights, save_weights
from telos.training.checkpoint import load_checkpoint, restore, save_checkpoint


def some_checkpoint() -> dict:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(8, 20)).square().sum().backward()
    optimizer.step()
    return {"step": 7, "verdicts": ["", "a warning"], "world_model": model.state_dict(), "learner": {}, "optimizer": optimizer.state_dict()}


@pytest.fixture
def run(tmp_path) -> Run:
    return Run.create(tmp_path / "run", {"seed": 0})


def damaged_copies(file, num: int, seed: int = 0):
    """The file cut, with a bit flipped, and overwritten here and there with random bytes."""
    whole, rng = file.read_bytes(), random.Random(seed)
    for number in range(num):
        content, place = bytearray(whole), rng.randrange(len(whole))
        match number % 3:
            case 0:
                content = content[:place]
            case 1:
                content[place] ^= 1 << rng.randrange(8)
            case 2:
                content[place : place + 40] = rng.randbytes(len(content[place : place + 40]))
        yield bytes(content)


def attempt(load) -> tuple[object, str]:
    """What was loaded, or the sentence with which it was refused."""
    try:
        return load(), ""
    except RunError as error:
        return None, str(error)


def same(left, right) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return set(left) == set(right) and all(same(left[key], right[key]) for key in left)
    return left == right


def test_a_checkpoint_comes_back_as_it_was_saved(run):
    saved = some_checkpoint()
    save_checkpoint(run, saved)
    assert same(load_checkpoint(run), saved)


def test_without_a_checkpoint_there_is_none(run):
    assert load_checkpoint(run) is None


def test_a_checkpoint_that_was_cut_or_altered_is_refused_or_whole(run):
    """A few bytes of the archive mean nothing; wherever a damage would show, it is found."""
    saved = some_checkpoint()
    save_checkpoint(run, saved)
    refused = 0
    for content in damaged_copies(run.checkpoint_file, 150):
        run.checkpoint_file.write_bytes(content)
        loaded, refusal = attempt(lambda: load_checkpoint(run))
        assert same(loaded, saved) or ("checkpoint.pt is damaged" in refusal and "Fix: " in refusal)
        refused += bool(refusal)
    assert refused > 100


@pytest.mark.parametrize("content", [{"step": 1}, {**some_checkpoint(), "step": "seven"}, [1, 2], torch.zeros(3)])
def test_a_file_of_torch_with_something_else_in_it_is_refused(run, content):
    torch.save(content, run.checkpoint_file)
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(run)


class Trap:
    """What runs when somebody unpickles it."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize("write", [lambda trap, file: torch.save(trap, file), lambda trap, file: file.write_bytes(pickle.dumps(trap))])
def test_nothing_is_unpickled(run, tmp_path, write):
    write({"step": Trap(tmp_path / "sprung")}, run.checkpoint_file)
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(run)
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_of_another_model_is_refused(run):
    with pytest.raises(RunError, match="damaged"):
        restore(run, nn.Linear(3, 3), some_checkpoint()["world_model"])


def test_weights_come_back_as_they_were_saved(tmp_path):
    torch.manual_seed(0)
    ours, theirs = nn.BatchNorm1d(5), nn.BatchNorm1d(5)
    ours(torch.randn(9, 5))
    save_weights(tmp_path / "weights", ours)
    load_weights(tmp_path / "weights", theirs)
    assert same(theirs.state_dict(), ours.state_dict())


def test_weights_that_were_cut_or_altered_are_refused_or_whole(tmp_path):
    torch.manual_seed(0)
    file, ours = tmp_path / "weights", nn.Linear(20, 30)
    save_weights(file, ours)
    refused = 0
    for content in damaged_copies(file, 150):
        file.write_bytes(content)
        theirs = nn.Linear(20, 30)
        _, refusal = attempt(lambda model=theirs: load_weights(file, model))
        assert same(theirs.state_dict(), ours.state_dict()) or (str(file) in refusal and "Fix: " in refusal)
        refused += bool(refusal)
    assert refused > 140


@pytest.mark.parametrize("other", [nn.Linear(20, 31), nn.Linear(20, 30, bias=False), nn.Bilinear(2, 2, 2)], ids=["shape", "fewer", "kind"])
def test_weights_of_another_model_are_refused(tmp_path, other):
    save_weights(tmp_path / "weights", nn.Linear(20, 30))
    with pytest.raises(RunError, match="cannot be loaded"):
        load_weights(tmp_path / "weights", other)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(RunError, match="nowhere"):
        load_weights(tmp_path / "nowhere", nn.Linear(2, 2))


def test_a_save_that_fails_leaves_the_checkpoint_before_it(run):
    saved = some_checkpoint()
    save_checkpoint(run, saved)
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
        save_checkpoint(run, {**some_checkpoint(), "step": lambda: None})
    assert same(load_checkpoint(run), saved)
    assert sorted(file.name for file in run.path.iterdir()) == ["checkpoint.pt", "run.json"]


def test_what_a_killed_process_left_behind_is_swept_away(run):
    save_checkpoint(run, some_checkpoint())
    for name in (".checkpoint.pt.123.tmp", ".metrics.jsonl.123.tmp"):
        shutil.copy(run.checkpoint_file, run.path / name)
    (run.path / ".mine.tmp").write_text("of the user's own")
    run.sweep()
    assert sorted(file.name for file in run.path.iterdir()) == [".mine.tmp", "checkpoint.pt", "run.json"]
