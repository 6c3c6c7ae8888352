"""As many threads as the work is worth, and no trace of it afterwards."""

import threading

import pytest
import torch

from telos.core.threads import WORTH, suitable_threads, threads_for


@pytest.fixture(autouse=True)
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("products", "threads"), [(0, 1), (WORTH, 1), (2 * WORTH, 2), (3 * WORTH + 1, 3), (100 * WORTH, 4)])
def test_more_work_more_threads_up_to_what_torch_was_given(products, threads):
    assert suitable_threads(products) == threads
    with threads_for(products):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 4


def test_never_more_than_the_user_allows():
    torch.set_num_threads(1)
    with threads_for(100 * WORTH):
        assert torch.get_num_threads() == 1


def test_an_error_leaves_the_number_as_it_was():
    with pytest.raises(ArithmeticError), threads_for(0):
        raise ArithmeticError
    assert torch.get_num_threads() == 4


def test_one_thread_s_number_is_nobody_else_s():
    seen, inside, outside = [], threading.Event(), threading.Event()

    def work():
        torch.set_num_threads(3)
        with threads_for(0):
            inside.set()
            outside.wait(10)
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(10)
    with threads_for(2 * WORTH):
        assert torch.get_num_threads() == 2
        outside.set()
        thread.join()
    assert seen == [3]
    assert torch.get_num_threads() == 4


def test_results_do_not_change():
    weights, value = torch.randn(512, 512), torch.randn(300, 512)
    with threads_for(0):
        alone = value @ weights
    with threads_for(100 * WORTH):
        together = value @ weights
    torch.testing.assert_close(alone, together)
