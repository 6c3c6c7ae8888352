"""What an agent notices: shares of states and steps that are strange to it, in the world of its logs and where something has changed.

A faster or slower body does the usual actions with another effect; other looks are those of `telos evaluate --shifts`. 64 episodes of 40
held random actions each. Also the time that the drive takes for 192 futures of 14 steps, beside their rollout.

Run: OMP_NUM_THREADS=1 python benchmarks/familiarity.py RUN [--alpha 0.05] [--seed 0]
"""

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from telos.cli.worlds import world_of
from telos.core.run import Run
from telos.core.types import Problem
from telos.core.world import AbstractWorld, WorldState
from telos.data import Episodes, HeldRandomActions, collect
from telos.envs import WorldVectorEnv
from telos.envs.wrapped import WrappedWorld
from telos.evaluation.shifts import GROUPS, ShiftedWorld
from telos.recipes.knowledge import load_knowledge
from telos.teaching.familiarity import familiarity_of, strangeness

EPISODES, STEPS = 64, 40
FUTURES, HORIZON = 192, 14


@dataclass(frozen=True, kw_only=True)
class OtherBody(WrappedWorld):
    """Does so many times what it is told."""

    factor: float

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        return replace(self.world, max_step=self.world.max_step * self.factor).advance(state, actions * self.factor)


def logs_of(world: AbstractWorld, folder: Path, seed: int) -> Episodes:
    env = WorldVectorEnv(world, EPISODES, max_steps=STEPS)
    return collect(env, HeldRandomActions(), folder, episodes=EPISODES, steps=STEPS, seed=seed, spaces=world.spaces)


def worlds(world: AbstractWorld) -> dict[str, AbstractWorld]:
    found: dict[str, AbstractWorld] = {"as in the logs": world}
    if hasattr(world, "max_step"):
        found |= {f"steps {factor} times as long": OtherBody(world=world, factor=factor) for factor in (0.5, 0.8, 1.25, 1.5)}
    looks = [shift for group in GROUPS.values() for shift in group if not shift.misfit(world)]
    return found | {shift.label: ShiftedWorld(world=world, shift=shift) for shift in looks}


def milliseconds(run: Run) -> tuple[float, float]:
    """Of a rollout, and of the drive on what was imagined; CPU time."""
    knowledge = load_knowledge(run)
    model, drive = knowledge.world_model, knowledge.familiarity
    logs = Episodes.open(run.description["data"][0]["path"])
    first = logs.episode(0)
    with torch.no_grad():
        state = model.observe(None, None, torch.tensor(first.observations[:1]))
        actions = torch.tensor(np.broadcast_to(first.actions[:HORIZON], (FUTURES, HORIZON, *first.actions.shape[1:])))
        problem = Problem(state=state)
        rollout = model.rollout(state, actions)
        return _time(lambda: model.rollout(state, actions)), _time(lambda: drive.energy(rollout, problem))


def _time(function) -> float:
    times = []
    for _ in range(40):
        started = time.process_time()
        function()
        times.append(1000 * (time.process_time() - started))
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    run = Run.open(args.run)
    familiarity_of(run)
    knowledge = load_knowledge(run)
    print(f"{'shares below ' + format(args.alpha, 'g'):34} states   steps")
    for label, world in worlds(world_of(run)).items():
        with tempfile.TemporaryDirectory() as folder:
            found = strangeness(knowledge, logs_of(world, Path(folder) / "logs", args.seed), alpha=args.alpha)
        print(f"{label:34} {100 * found.states:5.1f} % {100 * found.steps:5.1f} %", flush=True)
    rollout, drive = milliseconds(run)
    print(f"{FUTURES} futures of {HORIZON} steps: rollout {rollout:.1f} ms, drive {drive:.1f} ms")


if __name__ == "__main__":
    main()
