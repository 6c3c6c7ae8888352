"""Answers are on the disk when they are given, and stay there whatever happens next."""

import json
import multiprocessing

import pytest

from telos.core.errors import ConfigError
from telos.teaching.ratings.answers import AnswerBook, Comparison, Score
from telos.teaching.ratings.clips import Place

FIRST = Comparison(Place(0, 1), Place(2, 3), "left")
SECOND = Comparison(Place(4, 5), Place(6, 7), "equal", check=True)


@pytest.fixture
def book(tmp_path):
    return AnswerBook(tmp_path / "ratings" / "taste" / "answers.jsonl", "these clips")


def test_what_was_answered_is_read_again(book):
    assert book.read().answers == ()
    for answer in (FIRST, SECOND, Score(Place(8, 9), 4)):
        book.add(answer)
    assert AnswerBook(book.path, book.clips).read().answers == (FIRST, SECOND, Score(Place(8, 9), 4))


def test_an_answer_that_was_taken_back_stays_in_the_file_and_counts_no_more(book):
    book.add(FIRST)
    book.add(SECOND)
    assert book.undo() == SECOND
    assert book.undo() == FIRST
    assert book.undo() is None
    assert book.read().answers == ()
    assert len(book.path.read_text().splitlines()) == 4


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_last_line_that_a_crash_cut_off_is_left_out_and_the_next_answer_is_whole(book, cut):
    book.add(FIRST)
    book.add(SECOND)
    whole = book.path.read_bytes()
    first, second = whole.splitlines(keepends=True)
    book.path.write_bytes(first + second[:cut])
    assert book.read().answers == (FIRST,) and book.read().damaged == ()
    book.add(SECOND)
    assert book.read().answers == (FIRST, SECOND)


def test_damaged_lines_are_named_and_cost_no_other_answer(book):
    book.add(FIRST)
    book.add(SECOND)
    first, second = book.path.read_text().splitlines()
    strange = [json.dumps({**json.loads(first), "answer": "both"}), json.dumps({**json.loads(first), "left": [1]}), "[]", "\ufffd"]
    book.path.write_text("\n".join([first, *strange, second]) + "\n")
    reading = book.read()
    assert reading.answers == (FIRST, SECOND)
    assert reading.damaged == (2, 3, 4, 5)


def test_taking_back_hits_the_answer_that_it_names_and_no_other(book):
    book.add(FIRST)
    book.add(SECOND)
    book.undo()
    lines = book.path.read_text().splitlines()
    book.path.write_text("\n".join([lines[0], "damaged", lines[2]]) + "\n")
    assert book.read().answers == (FIRST,)


def test_answers_about_other_clips_are_refused(book):
    book.add(FIRST)
    with pytest.raises(ConfigError, match="other clips"):
        AnswerBook(book.path, "other clips").read()


def _answer_often(path, number):
    book = AnswerBook(path, "these clips")
    for start in range(40):
        book.add(Score(Place(number, start), 1 + start % 5))


def test_processes_that_answer_at_the_same_time_lose_nothing(book):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_answer_often, args=(book.path, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    reading = book.read()
    assert reading.damaged == () and {answer.clip for answer in reading.answers} == {Place(i, j) for i in range(3) for j in range(40)}
