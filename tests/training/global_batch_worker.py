"""What each of several processes computes, for the test that their gradient is that of one."""

import json
import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

from telos.agent.perception import EncoderConfig, VectorConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig, TransformerPredictorConfig
from telos.core.logs import Windows
from telos.core.spaces import Spaces, VectorSpace
from telos.training.learner import Learner
from telos.training.objectives import Covariance, InverseDynamics, Prediction, SIGReg, Smoothness, Variance
from telos.training.sharding import shard, whole

OBJECTIVES = {
    "prediction": (Prediction(),),
    "smoothness": (Smoothness(),),
    "inverse dynamics": (InverseDynamics(width=8),),
    "variance": (Variance(),),
    "variance within": (Variance(within_episode=True),),
    "covariance": (Covariance(),),
    "covariance within": (Covariance(within_episode=True),),
    "sigreg": (SIGReg(num_directions=16),),
    "sigreg within": (SIGReg(num_directions=16, within_episode=True),),
    "all": (Prediction(), Variance(), Covariance(within_episode=True), SIGReg(num_directions=16), Smoothness(), InverseDynamics(width=8)),
}
SHARDED = ("all", "blocks")
"""Those that are computed with shares of the weights, too; `blocks`: on a transformer, whose blocks are fetched one by one."""
COUPLED = [name for name in OBJECTIVES if name.split()[0] in ("variance", "covariance", "sigreg")]
"""Those whose term is no mean over windows."""
NUM_PROCESSES = 2
SPACES = Spaces(VectorSpace(3), VectorSpace(2, (-1.0, -1.0), (1.0, 1.0)))


def global_batch() -> Windows:
    """Twelve windows; episode 1 lies on both processes."""
    rng = np.random.default_rng(0)
    observations = torch.from_numpy(rng.normal(size=(12, 4, 3)) * [0.2, 1.0, 3.0])
    actions = torch.from_numpy(rng.uniform(-1, 1, size=(12, 3, 2)))
    return Windows(observations=observations, actions=actions, episodes=torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 1]))


def share(windows: Windows, rank: int) -> Windows:
    """The windows of one process."""
    rows = slice(rank * 6, rank * 6 + 6)
    return Windows(observations=windows.observations[rows], actions=windows.actions[rows], episodes=windows.episodes[rows])


def make_learner(name: str) -> Learner:
    torch.manual_seed(0)
    if name == "blocks":
        predictor = TransformerPredictorConfig(history=2, depth=2, num_heads=2, head_size=4, hidden=8, output_hidden=8)
        model = JEPAConfig(encoder=EncoderConfig(vector=VectorConfig(width=8)), latent_size=4, predictor=predictor).build(SPACES)
        return Learner(model, OBJECTIVES["all"], imagines="each step").double()
    config = JEPAConfig(encoder=EncoderConfig(vector=VectorConfig(width=8)), latent_size=4, predictor=MLPPredictorConfig(width=8))
    return Learner(config.build(SPACES), OBJECTIVES[name]).double()


def loss_and_gradient(module: torch.nn.Module, windows: Windows) -> tuple[float, list[float]]:
    loss, _ = module(windows.observations, windows.actions, windows.episodes)
    loss.backward()
    return loss.item(), torch.cat([whole(part.grad).flatten() for part in module.parameters() if part.grad is not None]).tolist()


def work(rank: int, folder: str) -> None:
    """One process among several: every set of objectives on its share of the batch."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting-point", rank=rank, world_size=NUM_PROCESSES)
    mine = share(global_batch(), rank)
    found = {}
    for name in OBJECTIVES:
        found[name] = loss_and_gradient(DistributedDataParallel(make_learner(name), find_unused_parameters=True), mine)
    mesh = init_device_mesh("cpu", (NUM_PROCESSES,), mesh_dim_names=("data_parallel",))
    for name in SHARDED:
        learner = shard(make_learner(name), mesh)
        held = sum(part.to_local().numel() for part in learner.parameters())
        found[f"{name}, sharded"] = [*loss_and_gradient(learner, mine), held]
    (Path(folder) / f"process-{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    # The threads of a process group now and then abort while the interpreter shuts down.
    os._exit(0)
