"""What a belief is worth where frames hide things: with one, without one, and beside an agent that sees everything; all from the same starts.

    flicker     each frame blank with probability 0.5, in a maze; goals are shown as (clear) pictures
    local       only 5 x 5 cells around the disc are seen; goals are given as positions, to everybody
    film        a picture: what the agent sees, and where it believes it is

A run of the recipe `filtering` plays twice: as it is, and with a belief that is begun anew with every frame (same weights, no memory). Beside it
the usual recipe on the same logs, and the usual recipe on logs of the same maze seen whole.

OMP_NUM_THREADS=1 python -m benchmarks.memory flicker --full RUN --filtering RUN --usual RUN --episodes 400 --seeds 0 1 --out flicker.json
"""

import argparse
import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from telos.agent.loop import Agent
from telos.agent.tasks import ReachValue
from telos.agent.world_model import FilteringJEPA
from telos.cli.worlds import world_of
from telos.core.run import Run
from telos.core.tasks import AbstractTask
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.closed_loop import Outcome, expert_steps, play
from telos.evaluation.contestants import AbstractContestant, AgentContestant, RandomContestant, ScriptedContestant, ZeroContestant
from telos.evaluation.intervals import Rate, paired_difference
from telos.evaluation.protocols import Pairs, draw_pairs, make_protocol
from telos.recipes.experiment import load_agent

QUANTITY = "position"
SIGHT = 12
"""Steps of the film."""


class Forgetful(FilteringJEPA):
    """The same weights with a belief that is begun anew with every frame."""

    def observe(self, previous: Any, action: Any, observation: Any) -> Any:
        return super().observe(None, None, observation)


class Sent(AgentContestant):
    """Told where to go by a position, not by a picture."""

    def task(self, goals: WorldState) -> AbstractTask:
        return ReachValue(QUANTITY, goals[QUANTITY].tolist())


def agents(part: str, runs: dict[str, Path]) -> dict[str, tuple[AbstractWorld, Agent]]:
    """By name: the world that each sees, and the agent."""
    found = {name: (world_of(Run.open(path)), load_agent(path)) for name, path in runs.items()}
    if "filtering" in runs:
        world, agent = found["filtering"][0], load_agent(runs["filtering"])
        assert isinstance(agent.world_model, FilteringJEPA)
        agent.world_model.__class__ = Forgetful
        found["filtering, belief begun anew"] = world, agent
    return found


def contestants(part: str, runs: dict[str, Path], seed: int) -> Iterable[tuple[AbstractWorld, AbstractContestant]]:
    kind = Sent if part == "local" else AgentContestant
    for name, (world, agent) in agents(part, runs).items():
        yield world, kind(agent, name)
    world = world_of(Run.open(next(iter(runs.values()))))
    for floor in (RandomContestant(seed), ZeroContestant(), ScriptedContestant()):
        yield world, floor


def measure(part: str, runs: dict[str, Path], protocol_name: str, episodes: int, seed: int) -> dict[str, Outcome]:
    """What everybody makes of the same starts and goals."""
    found, first = {}, None
    for world, contestant in contestants(part, runs, seed):
        protocol = make_protocol(world, protocol_name, episodes=episodes, offset=None, seed=seed)
        pairs = draw_pairs(world, protocol, lambda starts, goals, world=world, protocol=protocol: expert_steps(world, protocol, starts, goals))
        first = check_same(first, pairs)
        found[contestant.name] = play(world, pairs, contestant, protocol)
        print(f"seed {seed}  {contestant.name:32} {found[contestant.name].rate}", flush=True)
    return found


def check_same(first: Pairs | None, pairs: Pairs) -> Pairs:
    """Raises ValueError unless two worlds have given the same starts and goals: then nothing of what follows is paired."""
    if first is None:
        return pairs
    for ours, theirs in ((first.starts, pairs.starts), (first.goals, pairs.goals)):
        if not np.array_equal(ours[QUANTITY], theirs[QUANTITY]):
            raise ValueError("The runs were trained in different mazes: their starts differ.")
    return first


def summary(results: list[dict[str, Outcome]], reference: str = "full") -> dict[str, Any]:
    """Rates over all seeds, and the difference to those who see everything and to the belief with a past."""
    joined = {name: np.concatenate([result[name].success for result in results]) for name in results[0]}
    table: dict[str, Any] = {}
    for name, success in joined.items():
        rate = Rate(int(success.sum()), len(success))
        table[name] = {"success": rate.value, "interval": rate.interval, "episodes": len(success)}
        for other in (reference, "filtering"):
            if other in joined and other != name:
                table[name][f"minus {other}"] = paired_difference(success, joined[other])
    if {reference, "filtering"} <= joined.keys():
        table["share of full"] = share(joined["filtering"], joined[reference])
    return table


def share(ours: np.ndarray, theirs: np.ndarray, draws: int = 4000) -> dict[str, Any]:
    """Our success as a share of theirs, on the same starts; the interval by drawing episodes anew."""
    rows = np.random.default_rng(0).integers(len(ours), size=(draws, len(ours)))
    drawn = ours[rows].mean(axis=1) / np.maximum(theirs[rows].mean(axis=1), 1e-9)
    return {"share": float(ours.mean() / theirs.mean()), "interval": np.quantile(drawn, (0.025, 0.975)).tolist()}


@torch.no_grad()
def film(run: Path, file: Path, seed: int) -> None:
    """One episode of the expert: what was seen, and on the whole maze where it was, with the belief and without a past."""
    from matplotlib.figure import Figure

    world, agent = world_of(Run.open(run)), load_agent(run)
    readout = agent.knowledge.readout(QUANTITY)
    anew = copy.deepcopy(agent.world_model)
    assert isinstance(anew, FilteringJEPA)
    anew.__class__ = Forgetful
    states, goals = world.sample_pairs(np.random.default_rng(seed), 1, world.pair_kinds[-1])
    figure = Figure(figsize=(1.0 * SIGHT, 2.5), layout="constrained")
    axes = figure.subplots(2, SIGHT)
    believed, action = None, None
    for time in range(SIGHT):
        seen = torch.from_numpy(np.array(world.observe(states)))
        believed = agent.world_model.observe(believed, action, seen)
        places = (states[QUANTITY][0], believed.read(readout)[0].numpy(), anew.observe(None, None, seen).read(readout)[0].numpy())
        axes[0, time].imshow(seen[0].numpy(), interpolation="nearest")
        axes[1, time].imshow(world.draw(states, 128)[0])  # type: ignore[attr-defined]
        for place, mark, colour in zip(places[1:], ("o", "x"), ("#1b7f4d", "#7a3fb0"), strict=True):
            axes[1, time].plot(*(place * 128 - 0.5), mark, color=colour, markersize=7, markerfacecolor="none", markeredgewidth=1.8)
        axes[0, time].set_title(f"step {time}", fontsize=8)
        done = world.expert(states, goals).astype(world.spaces.action.dtype)
        states, action = world.advance(states, done), torch.from_numpy(done)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    axes[0, 0].set_ylabel("seen", fontsize=8)
    axes[1, 0].set_ylabel("believed (o)\nframe alone (x)", fontsize=8)
    figure.savefig(file, dpi=140)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("flicker", "local", "film"))
    for name in ("full", "filtering", "usual"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--protocol", default="anywhere")
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.part == "film":
        film(arguments.filtering, arguments.out, arguments.seeds[0])
        return
    given = {"full": arguments.full, "filtering": arguments.filtering, "usual": arguments.usual}
    runs = {name: path for name, path in given.items() if path is not None}
    results = [measure(arguments.part, runs, arguments.protocol, arguments.episodes, seed) for seed in arguments.seeds]
    table = summary(results)
    print(json.dumps(table, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps({"part": arguments.part, "seeds": arguments.seeds, "table": table}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
