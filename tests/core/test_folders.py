"""Promises of a new folder: whole, or not there."""

import pytest

from telos.core.errors import DataError
from telos.core.folders import new_folder


def test_a_folder_appears_when_it_is_whole_and_not_before(tmp_path):
    with new_folder(tmp_path / "deep" / "new") as folder:
        (folder / "file").write_text("all of it")
        assert not (tmp_path / "deep" / "new").exists()
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["new"]
    assert (tmp_path / "deep" / "new" / "file").read_text() == "all of it"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_folder_that_fails_is_not_there(tmp_path, error):
    def fail():
        with new_folder(tmp_path / "new") as folder:
            (folder / "file").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert not list(tmp_path.iterdir())


def test_what_is_there_stays_but_an_empty_folder_gives_way(tmp_path, monkeypatch):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("thesis", "thesis/text", "link"):
        with pytest.raises(DataError, match="not empty"), new_folder(tmp_path / name):
            raise AssertionError("nobody gets here")
    with pytest.raises(DataError, match="cannot be written"), new_folder(tmp_path / "thesis/text/below"):
        raise AssertionError("nobody gets here")
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "file").write_text("")
    assert (tmp_path / "empty" / "file").exists()
