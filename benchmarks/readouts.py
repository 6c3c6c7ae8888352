"""What it costs to read a quantity from what is imagined, beside what imagining costs.

python benchmarks/readouts.py RUN
"""

import sys
import time
from collections.abc import Callable

import torch

from telos.agent.readouts import KernelRidgeReadoutConfig, LinearReadoutConfig, PerceptronReadoutConfig
from telos.core.run import Run
from telos.recipes.experiment import load_world_model
from telos.recipes.run_logs import logs_of

CANDIDATES, HORIZON, SIZE = 192, 14, 2
KINDS = {
    "linear": LinearReadoutConfig(),
    "perceptron 32-32": PerceptronReadoutConfig(),
    "perceptron 64-64": PerceptronReadoutConfig(widths=(64, 64)),
    "kernel, 100 centres": KernelRidgeReadoutConfig(num_centres=100),
    "kernel, 400 centres": KernelRidgeReadoutConfig(num_centres=400),
}


def least(function: Callable[[], object], num: int = 30) -> float:
    """CPU milliseconds of the fastest of some repetitions; others may be using the machine."""
    times = []
    for _ in range(num):
        started = time.process_time()
        function()
        times.append(1000 * (time.process_time() - started))
    return min(times)


@torch.no_grad()
def main(run: str) -> None:
    torch.set_num_threads(1)
    world_model = load_world_model(run).requires_grad_(False)
    episode = logs_of(Run.open(run)).episode(0)
    state = world_model.observe(None, None, torch.tensor(episode.observations[:1]))
    actions = torch.tensor(episode.actions[:HORIZON]).repeat(CANDIDATES, 1, 1)
    imagining, beliefs = least(lambda: world_model.rollout(state, actions)), world_model.rollout(state, actions).belief
    print(f"{CANDIDATES} futures of {HORIZON} steps: imagining takes {imagining:.2f} ms")
    for name, config in KINDS.items():
        readout = config.build(name=name, size=SIZE, belief_size=beliefs.shape[-1]).requires_grad_(False).eval()
        reading = least(lambda readout=readout: readout(beliefs))
        print(f"  {name:<20} {reading:8.3f} ms  {reading / imagining:7.1%}")


if __name__ == "__main__":
    main(sys.argv[1])
