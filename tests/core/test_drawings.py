"""Figures name nobody on a network."""

import pytest
from matplotlib.figure import Figure

from telos.core.drawings import save_figure


@pytest.fixture
def figure():
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, 1], [1, 0], marker="o")
    return figure


def test_an_svg_names_no_place_but_its_own_namespace(figure, tmp_path):
    save_figure(figure, tmp_path / "line.svg")
    text = (tmp_path / "line.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg") and "<path" in text
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "Matplotlib" not in text


def test_other_kinds_are_written_as_they_are(figure, tmp_path):
    save_figure(figure, tmp_path / "line.png", dpi=50)
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")
