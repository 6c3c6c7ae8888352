import io
import sys

import av
import numpy as np
import pytest

from telos.core.errors import MissingExtraError
from telos.evaluation.report import video, write_report
from telos.evaluation.report.film import HEIGHT, film
from telos.evaluation.report.footage import Footage, Imagined
from telos.evaluation.report.pictures import enlarge, fit, png
from telos.evaluation.report.video import KINDS, encode_video

COLOURS = np.array([(244, 241, 234), (222, 60, 50), (46, 58, 78), (22, 25, 30)], dtype=np.uint8)


def decoded(content: bytes) -> np.ndarray:
    with av.open(io.BytesIO(content)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_a_film_decodes_back_with_every_frame_in_its_colours(kind, monkeypatch):
    monkeypatch.setattr(video, "KINDS", (kind,))
    frames = np.repeat(np.repeat(COLOURS[:, None, None], 64, axis=1), 96, axis=2)
    content, media = encode_video(frames, per_second=5)
    back = decoded(content)
    assert media == kind[2]
    assert back.shape == frames.shape
    assert np.abs(back.astype(int) - frames).max() <= 8


def test_without_pyav_nothing_is_begun_and_the_error_says_what_to_install(rooms, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    steps = []
    with pytest.raises(MissingExtraError, match=r"pip install 'telos-jepa\[report\]'"):
        write_report(rooms.sources, rooms.result, progress=lambda *step: steps.append(step))
    assert steps == []


def footage(num_steps: int, *, goal: bool = True) -> Footage:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (num_steps + 1, 8, 6, 3), dtype=np.uint8)
    return Footage(
        pictures=pictures,
        numbers=None,
        first=pictures[:1],
        imagined=(Imagined("imagined", pictures[1:], pictures[1:]),),
        num_steps=num_steps,
        goal=pictures[-1] if goal else None,
    )


def test_a_film_shows_seen_imagined_and_goal_side_by_side_and_holds_the_end_for_a_second():
    frames, per_second = film(footage(10))
    width = (frames.shape[2] - 2 * 16) // 3
    assert len(frames) == 11 + per_second
    assert frames.shape[1] == HEIGHT and frames.shape[2] % 2 == 0
    np.testing.assert_array_equal(frames[:, :, :width], frames[:, :, width + 16 : 2 * width + 16])
    np.testing.assert_array_equal(frames[10, :, :width], frames[10, :, -width:])
    assert (frames[11:] == frames[10]).all()


def test_a_film_without_goal_has_two_panels_and_a_long_one_takes_strides():
    short, _ = film(footage(10, goal=False))
    long, per_second = film(footage(1000))
    assert short.shape[2] < long.shape[2]
    assert len(long) <= 160 + per_second


def test_a_png_decodes_back_exactly():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decoded(png(picture))[0], picture)


def test_pictures_grow_by_whole_pixels_and_fit_any_size():
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(enlarge(picture, 6), picture.repeat(3, axis=0).repeat(3, axis=1))
    np.testing.assert_array_equal(fit(picture, 4, 4), picture.repeat(2, axis=0).repeat(2, axis=1))
    np.testing.assert_array_equal(fit(picture.repeat(2, axis=0).repeat(2, axis=1), 2, 2), picture)
