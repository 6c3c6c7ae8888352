"""What was taught comes back as it was, or not at all."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from torch import nn

from telos.core.errors import RunError, RunVersionError
from telos.core.run import CHECKSUM, checksum_of
from telos.core.taught import AbstractDescription, load_taught, save_taught
from telos.core.taught_files import FORMAT_VERSION, read_taught, taught_in
from telos.core.weights import fingerprint

TIE = "weights of a model"


@dataclass(frozen=True, kw_only=True)
class MapDescription(AbstractDescription):
    """A linear map, as something that may be taught."""

    size: int = 3

    def build(self) -> nn.Module:
        return nn.Linear(self.size, 2)


@dataclass(frozen=True, kw_only=True)
class NoDescription:
    """A value that builds nothing."""


@pytest.fixture
def kept(tmp_path) -> tuple[Path, nn.Module]:
    path, module = tmp_path / "critics" / "calm", nn.Linear(3, 2)
    save_taught(path, MapDescription(), module, tie=TIE)
    return path, module


def rewrite(path: Path, **changes) -> None:
    """Changes what a description says, as somebody does who knows of its checksum."""
    content = read_taught(path) | changes
    path.with_name(path.name + ".json").write_text(json.dumps({**content, CHECKSUM: checksum_of(content)}))


def test_a_module_comes_back_frozen_with_all_its_weights(kept):
    path, module = kept
    back = load_taught(path, nn.Linear, tie=TIE)
    assert fingerprint(back) == fingerprint(module)
    assert not back.training and not any(weight.requires_grad for weight in back.parameters())
    assert taught_in(path.parent) == [path]
    assert sorted(file.name for file in path.parent.iterdir()) == ["calm.json", "calm.safetensors"], "and nothing else is left"


def test_teaching_again_replaces_both_files(kept):
    path, _ = kept
    other = nn.Linear(5, 2)
    save_taught(path, MapDescription(size=5), other, tie=TIE)
    assert fingerprint(load_taught(path, nn.Linear, tie=TIE)) == fingerprint(other)


def test_what_was_taught_on_other_weights_is_refused_in_a_sentence(kept):
    path, _ = kept
    with pytest.raises(RunError, match=r"calm\.json was taught on other weights(.|\n)*teach it again"):
        load_taught(path, nn.Linear, tie="other weights")


def test_the_fingerprint_of_a_model_knows_every_bit_of_it():
    model = nn.BatchNorm1d(3)
    before = fingerprint(model)
    assert fingerprint(model) == before
    model.running_mean[1] = 1e-30
    assert fingerprint(model) != before, "buffers count too"


@pytest.mark.parametrize("place", range(10, 400, 23))
def test_no_letter_of_the_description_can_be_altered_unnoticed(kept, place):
    path, _ = kept
    file = path.with_name("calm.json")
    text = file.read_text()
    place %= len(text) - 3
    # How JSON is laid out means nothing: the next letter that means something is altered.
    place = next(at for at in range(place, len(text)) if not text[at].isspace())
    letter = "x" if text[place] != "x" else "y"
    file.write_text(text[:place] + letter + text[place + 1 :])
    with pytest.raises(RunError, match=r"calm\.json"):
        load_taught(path, nn.Linear, tie=TIE)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}', b'{"format": true}'])
def test_a_damaged_description_names_its_file_and_what_to_do(kept, content):
    path, _ = kept
    path.with_name("calm.json").write_bytes(content)
    with pytest.raises(RunError, match=r"calm\.json(.|\n)*Fix: restore the file, or teach it again"):
        load_taught(path, nn.Linear, tie=TIE)


@pytest.mark.parametrize("cut", [0, 7, 60, -1])
def test_weights_that_are_cut_name_their_file(kept, cut):
    path, _ = kept
    file = path.with_name("calm.safetensors")
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(RunError, match=r"calm\.safetensors"):
        load_taught(path, nn.Linear, tie=TIE)


def test_weights_that_are_missing_name_their_file(kept):
    path, _ = kept
    path.with_name("calm.safetensors").unlink()
    with pytest.raises(RunError, match=r"calm\.safetensors"):
        load_taught(path, nn.Linear, tie=TIE)


def test_whole_weights_of_another_module_are_noticed_all_the_same(kept, tmp_path):
    path, _ = kept
    save_taught(tmp_path / "other", MapDescription(), nn.Linear(3, 2), tie=TIE)
    shutil.copy(tmp_path / "other.safetensors", path.with_name("calm.safetensors"))
    with pytest.raises(RunError, match=r"calm\.safetensors are not those that their description was written with"):
        load_taught(path, nn.Linear, tie=TIE)


def test_a_description_of_something_else_is_refused(kept):
    path, _ = kept
    with pytest.raises(RunError, match=r"calm\.json does not describe a Conv2d"):
        load_taught(path, nn.Conv2d, tie=TIE)
    for other in ({"class": f"{__name__}:NoDescription"}, [1, 2], None, {"class": "json:dumps"}, {"class": f"{__name__}:Gone"}):
        rewrite(path, description=other)
        with pytest.raises(RunError, match=r"calm\.json"):
            load_taught(path, nn.Linear, tie=TIE)


@pytest.mark.parametrize("size", [-3, "3", 1 << 60])
def test_a_description_that_builds_nothing_is_refused(kept, size):
    path, _ = kept
    rewrite(path, description={"class": f"{__name__}:MapDescription", "size": size})
    with pytest.raises(RunError, match=r"calm\.json cannot be read"):
        load_taught(path, nn.Linear, tie=TIE)


def test_what_a_newer_telos_taught_is_refused_with_the_way_out(kept):
    path, _ = kept
    rewrite(path, format=FORMAT_VERSION + 1)
    with pytest.raises(RunVersionError, match=r"newer Telos(.|\n)*pip install -U telos-jepa"):
        load_taught(path, nn.Linear, tie=TIE)


def test_a_process_that_dies_while_it_teaches_leaves_no_description_beside_other_weights(kept):
    path, _ = kept

    class Dies(nn.Linear):
        def state_dict(self, *args, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_taught(path, MapDescription(), Dies(3, 2), tie=TIE)
    assert taught_in(path.parent) == [], "there is nothing that could be taken for the new one, or for the old one"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "critics").write_text("a file")
    with pytest.raises(RunError, match="cannot be written"):
        save_taught(tmp_path / "critics" / "calm", MapDescription(), nn.Linear(3, 2), tie=TIE)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert taught_in(tmp_path / "readouts") == []
