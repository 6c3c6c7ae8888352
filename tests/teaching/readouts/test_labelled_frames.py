"""Files of labelled frames are read to the letter, or refused with the line that is wrong."""

import csv
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telos.core.errors import DataError
from telos.teaching.readouts.labelled_frames import labels_of_file
from telos.teaching.readouts.labels import ANGLE_UNIT

LENGTHS = np.array([4, 2, 7])
LENIENT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
PLACES = [(episode, frame) for episode, steps in enumerate(LENGTHS) for frame in range(steps + 1)]


def read(path, text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    (path / "labels.csv").write_bytes(data)
    return labels_of_file(path / "labels.csv", LENGTHS, **options)


def attempt(function):
    """What it gives, or how it refuses."""
    try:
        return function(), ""
    except DataError as error:
        return None, str(error)


@LENIENT
@given(
    places=st.lists(st.sampled_from(PLACES), min_size=1, unique=True),
    names=st.lists(st.text("abcxyz_", min_size=1, max_size=5), min_size=1, max_size=4, unique=True),
    data=st.data(),
)
def test_what_was_written_is_read(tmp_path, places, names, data):
    numbers = st.floats(-1e6, 1e6)
    rows = [[episode, frame, *(data.draw(numbers) for _ in names)] for episode, frame in places]
    order = data.draw(st.permutations(range(2 + len(names))))
    header = ["episode", "frame", *names]
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8-sig" if data.draw(st.booleans()) else "utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([[line[place] for place in order] for line in (header, *rows)])
    labels = labels_of_file(tmp_path / "labels.csv", LENGTHS, unit="m")
    kept = [header[place] for place in order if place > 1]
    assert labels.parts == tuple(kept) and labels.unit == "m" and not labels.dense
    for episode, frame, *values in rows:
        assert np.array_equal(labels.values[episode][frame], [dict(zip(names, values))[name] for name in kept])
    assert sum(len(labels.known(episode)) for episode in labels.values) == len(places), "whatever was not written is not known"


@LENIENT
@given(text=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_bytes_are_labels_or_a_clear_refusal(tmp_path, text):
    for head in (b"", b"episode,frame,x\n"):
        labels, refusal = attempt(lambda head=head: read(tmp_path, head + text))
        assert labels.values if labels else "labels.csv" in refusal


@LENIENT
@given(cell=st.text(st.characters(blacklist_categories=("Cs",)), max_size=12), column=st.integers(0, 2))
def test_any_cell_is_a_number_or_named_with_its_line(tmp_path, cell, column):
    row = ["1", "2", "0.5"]
    row[column] = cell
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["episode", "frame", "x"], ["0", "0", "1.5"], row])
    labels, refusal = attempt(lambda: labels_of_file(tmp_path / "labels.csv", LENGTHS))
    if labels:
        assert sum(len(labels.known(episode)) for episode in labels.values) >= 1
    else:
        # A cell may hold ends of lines, and quotes.
        assert re.search(r"line \d+|no line of a CSV file", refusal)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("\ufeff", "is empty"),
        ("episode,frame,x\n", "labels no frame"),
        ("episode,x\n0,1\n", "no column 'frame'"),
        ("frame,x\n0,1\n", "no column 'episode'"),
        ("Episode,Frame,x\n0,0,1\n", "no column 'episode'; its header says Episode,Frame,x"),
        ("episode;frame;x\n0;0;1\n", "separate values by commas"),
        ("episode,frame\n0,0\n", "0 columns beside"),
        ("episode,frame,x,x\n0,0,1,2\n", "two of one name"),
        ("episode,frame,x,\n0,0,1,2\n", "columns without a name"),
        (f"episode,frame,{','.join(f'x{n}' for n in range(17))}\n", "17 columns"),
        ("episode,frame,x\n0,0\n", "line 2 has 2 values"),
        ("episode,frame,x\n0,0,0,5\n", r"line 2 has 4 values(.|\n)*3, as in the header"),
        ("episode,frame,x\n3,0,1\n", r"line 2: there is no episode '3'(.|\n)*0 to 2"),
        ("episode,frame,x\n-1,0,1\n", "no episode '-1'"),
        ("episode,frame,x\n1,3,1\n", r"no frame '3'(.|\n)*0 to 2"),
        ("episode,frame,x\n1,1.5,1\n", "no frame '1.5'"),
        (f"episode,frame,x\n{'9' * 5000},0,1\n", "there is no episode '999"),
        ("episode,frame,x\n0,0,\n", "x is ''"),
        ("episode,frame,x\n0,0,one\n", r"x is 'one'(.|\n)*a number"),
        ("episode,frame,x\n0,0,nan\n", "a finite number"),
        ("episode,frame,x\n0,0,-inf\n", "a finite number"),
        ("episode,frame,x\n0,0,1e300\n", "a finite number"),
        ("episode,frame,x\n0,0,1\n0,1,2\n0,0,3\n", "line 4 labels frame 0 of episode 0, as line 2 does"),
        (b"episode,frame,x\n0,0,\xff\n", "no text in UTF-8"),
        ('episode,frame,x\n0,0,"1\n', "no line of a CSV file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_told(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            labels_of_file(path, LENGTHS)


@pytest.mark.parametrize(("unit", "turn"), [("radians", 2 * np.pi), ("degrees", 360)])
def test_angles_are_read_as_cosine_and_sine_however_far_they_have_wound(tmp_path, unit, turn):
    once = read(tmp_path, f"episode,frame,angle\n0,0,{turn / 6}\n", unit=unit)
    again = read(tmp_path, f"episode,frame,angle\n0,0,{turn / 6 - 3 * turn}\n", unit=unit)
    assert once.unit == ANGLE_UNIT and once.parts == ("cosine of angle", "sine of angle")
    assert np.allclose(once.values[0][0], [0.5, 3**0.5 / 2]) and np.allclose(again.values[0][0], once.values[0][0])
