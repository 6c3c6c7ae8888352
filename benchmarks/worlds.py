"""How fast the worlds step and draw: frames of 32 pixels per CPU second, in batches of 64, one thread.

Bar: 20,000. Run: python benchmarks/worlds.py [--json]
"""

import json
import sys
import time

import numpy as np

from telos.core.world import AbstractWorld
from telos.envs import Maze, PointMass, Push, TwoRooms

BATCH, STEPS, REPEATS = 64, 100, 8


def frames_per_cpu_second(world: AbstractWorld) -> float:
    """Best of several repeats, stepping included: the others were disturbed."""
    rng = np.random.default_rng(0)
    low, high = world.spaces.action.bounds
    actions = rng.uniform(low, high, (STEPS, BATCH, len(low))).astype(np.float32)
    best = 0.0
    for _ in range(REPEATS):
        state = world.sample(rng, BATCH)
        started = time.process_time()
        for action in actions:
            state = world.advance(state, action)
            world.observe(state)
        best = max(best, BATCH * STEPS / (time.process_time() - started))
    return best


def main() -> None:
    worlds = {
        "TwoRooms": TwoRooms(),
        "TwoRooms, random layouts": TwoRooms(layout="random"),
        "Maze, zigzag": Maze(),
        "Maze, random 9 x 9": Maze(layout="random"),
        "PointMass": PointMass(),
        "Push": Push(),
        "Push, 64 pixels": Push(size=64),
    }
    rates = {name: frames_per_cpu_second(world) for name, world in worlds.items()}
    if "--json" in sys.argv:
        print(json.dumps(rates))
        return
    for name, rate in rates.items():
        print(f"{name:<26}{rate:>12,.0f} frames per CPU second")


if __name__ == "__main__":
    main()
