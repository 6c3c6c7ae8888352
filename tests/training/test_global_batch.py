import json

import numpy as np
import pytest
import torch.multiprocessing
from global_batch_worker import COUPLED, NUM_PROCESSES, OBJECTIVES, SHARDED, global_batch, loss_and_gradient, make_learner, share, work

from telos.training.global_batch import gather


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Loss and gradient of every process, by objectives."""
    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(work, args=(str(folder),), nprocs=NUM_PROCESSES)
    return [json.loads((folder / f"process-{rank}.json").read_text()) for rank in range(NUM_PROCESSES)]


def relative_difference(ours, theirs) -> float:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_two_processes_have_the_gradient_of_one_on_the_same_global_batch(several, name):
    _, alone = loss_and_gradient(make_learner(name), global_batch())
    for process in several:
        assert len(process[name][1]) == len(alone)
        assert relative_difference(process[name][1], alone) < 1e-9


@pytest.mark.parametrize("name", SHARDED)
def test_the_same_holds_where_each_process_has_but_a_share_of_the_weights(several, name):
    learner = make_learner(name)
    _, alone = loss_and_gradient(learner, global_batch())
    for process in several:
        _, gradient, held = process[f"{name}, sharded"]
        assert len(gradient) == len(alone)
        assert relative_difference(gradient, alone) < 1e-9
        assert held < 0.65 * sum(part.numel() for part in learner.parameters())


@pytest.mark.parametrize("name", COUPLED)
def test_statistics_of_the_batch_are_those_of_the_global_batch_on_every_process(several, name):
    loss, _ = loss_and_gradient(make_learner(name), global_batch())
    assert [process[name][0] for process in several] == pytest.approx([loss] * NUM_PROCESSES, rel=1e-12)


@pytest.mark.parametrize("name", COUPLED)
def test_the_mean_of_what_each_share_would_say_alone_is_something_else(name):
    """Or else the two tests above could not fail."""
    shares = [loss_and_gradient(make_learner(name), share(global_batch(), rank))[1] for rank in range(NUM_PROCESSES)]
    assert relative_difference(np.mean(shares, axis=0), loss_and_gradient(make_learner(name), global_batch())[1]) > 1e-3


def test_one_process_gathers_its_own_rows_untouched():
    rows = torch.zeros(3, 2)
    assert gather(rows) is rows
