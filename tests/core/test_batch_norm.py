import json
import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from torch.nn.parallel import DistributedDataParallel

from telos.core.batch_norm import BatchNorm

NUM_PROCESSES, ROWS, SIZE = 2, 6, 3


def batch() -> torch.Tensor:
    """Rows of the second process lie elsewhere: their own statistics are not those of all."""
    rows = torch.sin(torch.arange(NUM_PROCESSES * ROWS * SIZE, dtype=torch.float64)).reshape(-1, SIZE)
    return rows + torch.arange(NUM_PROCESSES).repeat_interleave(ROWS)[:, None]


def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(SIZE, SIZE), BatchNorm(SIZE), torch.nn.Linear(SIZE, 1)).double()


def learn(module: torch.nn.Module, rows: torch.Tensor) -> dict[str, list[float]]:
    """What a step of learning leaves behind: gradients, and statistics for run time."""
    module(rows).exp().mean().backward()
    gradient = torch.cat([part.grad.flatten() for part in module.parameters()])
    statistics = torch.cat([part.double().flatten() for part in module.buffers()])
    return {"gradient": gradient.tolist(), "statistics": statistics.tolist()}


def work(rank: int, folder: str) -> None:
    """One process among several: a step of learning on its share of the batch."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting-point", rank=rank, world_size=NUM_PROCESSES)
    module = DistributedDataParallel(network())
    found = learn(module, batch()[rank * ROWS : (rank + 1) * ROWS])
    (Path(folder) / f"process-{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    # The threads of a process group now and then abort while the interpreter shuts down.
    os._exit(0)


def test_several_processes_learn_what_one_learns_of_the_whole_batch(tmp_path):
    torch.multiprocessing.spawn(work, args=(str(tmp_path),), nprocs=NUM_PROCESSES)
    alone = learn(network(), batch())
    for rank in range(NUM_PROCESSES):
        found = json.loads((tmp_path / f"process-{rank}.json").read_text())
        assert found["gradient"] == pytest.approx(alone["gradient"], rel=1e-9)
        assert found["statistics"] == pytest.approx(alone["statistics"], rel=1e-9)
    shares = [learn(network(), batch()[rank * ROWS : (rank + 1) * ROWS])["gradient"] for rank in range(NUM_PROCESSES)]
    assert torch.tensor(shares).mean(dim=0).tolist() != pytest.approx(alone["gradient"], rel=1e-3), "or else this could not fail"


def test_axes_before_the_last_are_all_rows():
    layer, value = BatchNorm(SIZE).double(), batch().unflatten(0, (4, -1))
    torch.testing.assert_close(layer(value).flatten(0, 1), BatchNorm(SIZE).double()(value.flatten(0, 1)))


def test_at_run_time_a_row_hangs_on_itself_alone():
    layer = BatchNorm(SIZE).double()
    layer(batch())
    layer.eval()
    torch.testing.assert_close(layer(batch())[3:4], layer(batch()[3:4]))
