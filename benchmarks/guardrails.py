"""What guardrails cost in time: the same agent with and without them, before the same observations, in turns.

    python benchmarks/guardrails.py RUN [--steps 40] [--seed 0] [--parts all|plans|checks]

RUN is a run of two-rooms (or of point-mass, with `--world point-mass`) that has learned to read positions. CPU time of the planning
thread, so that a busy machine matters little; the median of the ratios of both agents step by step. Exits with 1 if guardrails cost
more than 25 % where a planner samples, or more than twice the time where it follows the gradient.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from telos.agent.actor import CEM, MPPI, GradientDescent
from telos.agent.guardrails import Brake, Disc, Guardrail, Hold, KeepOut, Limit
from telos.agent.loop import Agent
from telos.agent.sealing import Seal
from telos.agent.tasks import ReachGoal
from telos.core.contracts import AbstractPlanner
from telos.core.run import Run
from telos.envs import make_world
from telos.recipes.experiment import load_agent
from telos.recipes.knowledge import load_recipe

BARS = {"sampling": 1.25, "gradient": 2.0}
PILLAR = KeepOut(quantity="position", region=Disc(center=(0.25, 0.5), radius=0.12))


def planners(horizon: int) -> dict[str, tuple[str, AbstractPlanner]]:
    """Name to kind and planner."""
    return {
        "mppi 64 x 3": ("sampling", MPPI(horizon=horizon, num_candidates=64, num_iterations=3)),
        "cem 300 x 5": ("sampling", CEM(horizon=horizon, num_candidates=300, num_iterations=5)),
        "gradient 8 x 40": ("gradient", GradientDescent(horizon=horizon, num_starts=8, num_iterations=40)),
    }


def rules(world: str) -> tuple[Guardrail, ...]:
    """What is forbidden in each world."""
    if world == "two-rooms":
        return (Guardrail(name="pillar", requirement=PILLAR, fallback=Hold(), margin=0.02),)
    brake = Brake(quantity="velocity", gain=5.0, steps=8)
    speed = Limit(quantity="velocity", most=0.5, of="size")
    return tuple(Guardrail(name=name, requirement=rule, fallback=brake, margin=0.02) for name, rule in (("pillar", PILLAR), ("speed", speed)))


def seconds(agent: Agent, observation) -> tuple[float, np.ndarray]:
    """CPU time of one step, and the action."""
    began = time.thread_time()
    action = agent.act(observation)
    return time.thread_time() - began, action


def compare(agent: Agent, world, guardrails: tuple[Guardrail, ...], planner: AbstractPlanner, num: int, steps: int, seed: int):
    """Milliseconds without, milliseconds with, and the median ratio."""
    settings = replace(agent.settings, planner=planner, replan_every=1)
    both = [Agent(agent.knowledge, settings, seed=seed), Agent(agent.knowledge, settings, guardrails=guardrails, seed=seed)]
    state, goal = world.sample_pairs(np.random.default_rng(seed), num, world.pair_kinds[0])
    for one in both:
        one.set_task(ReachGoal(world.observe(goal)))
    found = []
    for step in range(steps):
        observation = world.observe(state)
        times = [0.0, 0.0]
        for place in (0, 1) if step % 2 else (1, 0):
            times[place], action = seconds(both[place], observation)
            if place == 1:
                carried_out = action
        found.append(times)
        state = world.advance(state, carried_out)
    measured = np.array(found[3:])
    return 1000 * np.median(measured[:, 0]), 1000 * np.median(measured[:, 1]), float(np.median(measured[:, 1] / measured[:, 0]))


def check_times(agent: Agent, guardrails: tuple[Guardrail, ...]) -> None:
    """How long it takes to look at what guardrails rest on."""
    guarded = Agent(agent.knowledge, agent.settings, guardrails=guardrails)
    weights = sum(part.numel() for part in agent.world_model.parameters())
    for thorough in (False, True):
        times = []
        for _ in range(200):
            began = time.perf_counter()
            guarded._verify(thorough=thorough)
            times.append(time.perf_counter() - began)
        print(f"  {'every bit' if thorough else 'before each action':<20}{1e6 * np.median(times):8.0f} µs, {weights:,} weights")
    began = time.perf_counter()
    for _ in range(10):
        Seal(guarded.knowledge, guarded._usual(), None, guardrails)
    print(f"  {'sealing':<20}{1e5 * (time.perf_counter() - began):8.0f} µs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--world", default="two-rooms")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--only", nargs="+", default=None, help="planners, such as mppi")
    args = parser.parse_args()
    torch.set_num_threads(1)
    agent, world, guardrails = load_agent(args.run, guardrails=()), make_world(args.world), rules(args.world)
    horizon = load_recipe(Run.open(args.run)).agent.planner.horizon
    print("looking at what guardrails rest on:")
    check_times(agent, guardrails)
    print(f"\n{'planner':<18}{'problems':>9}{'without':>11}{'with':>11}{'ratio':>8}{'bar':>7}")
    broken = False
    for name, (kind, planner) in planners(horizon).items():
        if args.only and name.split()[0] not in args.only:
            continue
        for num in args.batches:
            steps = args.steps if num == 1 else max(6, args.steps // 5)
            without, with_them, ratio = compare(agent, world, guardrails, planner, num, steps, args.seed)
            broken |= ratio > BARS[kind]
            print(f"{name:<18}{num:>9}{without:>8.1f} ms{with_them:>8.1f} ms{ratio:>8.2f}{BARS[kind]:>7.2f}", flush=True)
    sys.exit(broken)


if __name__ == "__main__":
    main()
