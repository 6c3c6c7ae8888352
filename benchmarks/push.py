"""Pushing a block to where it was some steps later in held-out logs: success by three rules, all read from the same episodes.

    block within 0.1          at any step (usual: about what the literature on pushing a T counts)
    block within 0.05, held   for 5 steps in a row (the rule of `telos evaluate`)
    disc too (strict)         block and disc within 0.05, for 5 steps in a row

Distances are those of `Push`: how far the block's farthest corner has to go, in arena widths. Starts from which the block has less than 0.1 to go
are left out; time is 3 times what the scripted expert takes to hold the block within 0.05.

Run: python benchmarks/push.py RUN [--offset 25] [--episodes 200] [--seed 0] [--json]
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from telos.cli.worlds import held_out_logs, world_of
from telos.core.run import Run
from telos.evaluation.closed_loop import expert_steps
from telos.evaluation.contestants import AbstractContestant, AgentContestant, RandomContestant, ScriptedContestant, ZeroContestant
from telos.evaluation.intervals import Rate
from telos.evaluation.protocols import Pairs, Protocol, draw_pairs
from telos.recipes.experiment import load_agent

USUAL, NEAR, HOLD = 0.1, 0.05, 5


def distances(world, pairs: Pairs, contestant: AbstractContestant) -> tuple[np.ndarray, np.ndarray]:
    """How far block, and block or disc, are from the goal `[steps episodes]`; infinite once time is up."""
    both = replace(world, judged="both")
    contestant.begin(world, pairs.starts, pairs.goals)
    states, block, farther = pairs.starts, [], []
    for _ in range(int(pairs.limits.max())):
        states = world.advance(states, contestant.act(states))
        block.append(world.distance(states, pairs.goals))
        farther.append(both.distance(states, pairs.goals))
    late = np.arange(len(block))[:, None] >= pairs.limits
    return np.where(late, np.inf, block), np.where(late, np.inf, farther)


def held(inside: np.ndarray) -> np.ndarray:
    """Whether `[episodes]` there are enough steps in a row."""
    windows = np.lib.stride_tricks.sliding_window_view(inside, HOLD, axis=0)
    return windows.all(axis=-1).any(axis=0)


def judge(world, pairs: Pairs, contestant: AbstractContestant) -> dict[str, dict[str, float]]:
    block, farther = distances(world, pairs, contestant)
    verdicts = {"usual": (block <= USUAL).any(axis=0), "held": held(block <= NEAR), "strict": held(farther <= NEAR)}
    rates = {name: Rate(int(verdict.sum()), len(verdict)) for name, verdict in verdicts.items()}
    return {name: {"success": rate.value, "low": rate.interval[0], "high": rate.interval[1]} for name, rate in rates.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--offset", type=int, default=25)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(args.run)
    world = world_of(run)
    protocol = Protocol(name="offset", offset=args.offset, episodes=args.episodes, seed=args.seed, radius=USUAL)
    rule = replace(protocol, radius=NEAR, hold=HOLD)
    pairs = draw_pairs(world, protocol, lambda starts, goals: expert_steps(world, rule, starts, goals), held_out_logs(run))
    started = time.process_time()
    contestants = [AgentContestant(load_agent(run, seed=args.seed)), RandomContestant(args.seed), ZeroContestant(), ScriptedContestant()]
    table = {contestant.name: judge(world, pairs, contestant) for contestant in contestants}
    start = np.quantile(world.distance(pairs.starts, pairs.goals), [0.1, 0.5, 0.9])
    if args.json:
        seconds = time.process_time() - started
        print(json.dumps({"pairs_from": pairs.source, "start": start.tolist(), "limit": float(np.median(pairs.limits)), "cpu_s": seconds, **table}))
        return
    print(f"offset {args.offset}, seed {args.seed}, {len(pairs)} pairs from {pairs.source}, block {start.round(2).tolist()} away (10, 50, 90 %)")
    for name, rates in table.items():
        cells = (f"{rule} {100 * r['success']:5.1f} % ({100 * r['low']:.1f} to {100 * r['high']:.1f})" for rule, r in rates.items())
        print(f"{name:<10}" + "   ".join(cells))


if __name__ == "__main__":
    main()
