import threading
import time

import numpy as np
import pytest

from telos.core.logs import Windows
from telos.training import prefetch
from telos.training.prefetch import batches_of


def draw(step: int) -> Windows:
    return Windows(observations=np.full((1, 2, 1), step), actions=np.zeros((1, 1, 1)), episodes=np.zeros(1))


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("telos-batches")]


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("steps", [range(3, 7), range(2, 3), range(4, 4)], ids=str)
def test_the_batches_are_those_of_their_steps_in_order(steps, ahead):
    assert [int(batch.observations[0, 0, 0]) for batch in batches_of(draw, steps, ahead=ahead)] == list(steps)
    assert threads() == []


def test_the_next_batch_is_drawn_while_the_current_one_is_worked_on():
    drawn = []
    batches = batches_of(lambda step: drawn.append((step, threading.current_thread().name)) or draw(step), range(3), ahead=True)
    next(batches)
    deadline = time.monotonic() + 10
    while len(drawn) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    batches.close()
    assert [step for step, _ in drawn] == [0, 1]
    assert all(name.startswith("telos-batches") for _, name in drawn)


@pytest.mark.parametrize("ahead", [False, True])
def test_what_goes_wrong_while_drawing_is_raised_where_the_batch_is_asked_for(ahead):
    def broken(step: int) -> Windows:
        if step == 2:
            raise OSError("the disk is gone")
        return draw(step)

    batches = batches_of(broken, range(5), ahead=ahead)
    assert [int(next(batches).observations[0, 0, 0]) for _ in range(2)] == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert threads() == []


def test_the_thread_ends_where_the_work_is_given_up():
    batches = batches_of(draw, range(5), ahead=True)
    next(batches)
    assert len(threads()) == 1
    batches.close()
    assert threads() == []


def test_on_one_core_there_is_no_thread(monkeypatch):
    monkeypatch.setattr(prefetch, "num_cores", lambda: 1)
    names = []
    list(batches_of(lambda step: names.append(threading.current_thread().name) or draw(step), range(2)))
    assert names == [threading.current_thread().name] * 2
