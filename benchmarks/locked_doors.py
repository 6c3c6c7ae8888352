"""How often an agent tries a door that it has found locked: without a memory, with one for the episode, and with one that lasts.

The world model was trained where all doors are open; here one is locked, another one in each episode, and looks the same. A push is a step
that would lead on if that door were open; a try is a run of pushes, until there were none for `PAUSE` steps. Floors: an expert that knows
which door is locked, and one that does not, and goes to the other door when it has pushed once.

    tries       one episode from each start
    lasting     several episodes one after the other, the door the same in all, from other starts each time

OMP_NUM_THREADS=1 python -m benchmarks.locked_doors tries RUN --episodes 400 --seeds 0 1 --out doors.json
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from telos.agent.memory import RememberingModel
from telos.core.seeding import numpy_generator
from telos.core.world import WorldState
from telos.envs import LockedDoors
from telos.evaluation.contestants import AbstractContestant, AgentContestant, RandomContestant, ScriptedContestant, ZeroContestant
from telos.evaluation.intervals import Rate, paired_difference
from telos.evaluation.protocols import select_rows
from telos.recipes.experiment import load_agent

LIMIT = 60
"""Steps allowed: about twice what the expert that knows nothing takes where it takes longest."""
PAUSE = 3
"""Steps without a push after which the next one is another try."""
WORLD = LockedDoors()


@dataclass(frozen=True)
class Episodes:
    """What happened, episode by episode; all `[episodes]`."""

    success: np.ndarray
    steps: np.ndarray
    pushes: np.ndarray
    """Steps that pushed against the locked door, before the goal was reached."""
    tries: np.ndarray

    def to_json(self) -> dict[str, Any]:
        won = Rate(int(self.success.sum()), len(self.success))
        once, tried = self.tries <= 1, self.tries > 0
        return {
            "success": won.value,
            "success_interval": won.interval,
            "median_steps": float(np.median(self.steps)),
            "mean_tries": float(self.tries.mean()),
            "mean_pushes": float(self.pushes.mean()),
            "at_most_one_try": _rate(once),
            "came_to_it": float(tried.mean()),
            "of_those": {
                "median_tries": float(np.median(self.tries[tried])) if tried.any() else None,
                "one_try": _rate(once[tried]),
                "median_pushes": float(np.median(self.pushes[tried])) if tried.any() else None,
                "one_push": _rate(self.pushes[tried] <= 1),
                "success": _rate(self.success[tried]),
            },
        }


def _rate(values: np.ndarray) -> dict[str, Any]:
    rate = Rate(int(values.sum()), len(values))
    return {"share": rate.value, "interval": rate.interval}


class UnknowingExpert(AbstractContestant):
    """Takes the shortest way through any door; the door that it has pushed against in vain it leaves alone from then on."""

    name = "expert that does not know"

    def begin(self, world: Any, starts: WorldState, goals: WorldState) -> None:
        self.goals, self.known = goals, np.full(len(starts["locked"]), -1)
        self.last: tuple[WorldState, np.ndarray] | None = None

    def act(self, states: WorldState) -> np.ndarray:
        if self.last is not None:
            pushed = WORLD.pushes(*self.last)
            self.known = np.where(pushed, states["locked"], self.known)
        actions = WORLD.expert({**states, "locked": self.known}, self.goals)
        self.last = states, actions
        return actions

    def keep(self, rows: np.ndarray) -> None:
        assert self.last is not None
        self.goals, self.known = select_rows(self.goals, rows), self.known[rows]
        self.last = select_rows(self.last[0], rows), self.last[1][rows]


def play(contestant: AbstractContestant, starts: WorldState, goals: WorldState, *, stays: bool = False) -> Episodes:
    """All episodes, side by side.

    Args:
        stays: whether those who are through stay until all are, so that each remembers its own when the next episode begins; what they do
            meanwhile does not count.
    """
    num = len(starts["locked"])
    found = Episodes(np.zeros(num, bool), np.full(num, LIMIT), np.zeros(num, int), np.zeros(num, int))
    since, inside, alive = np.full(num, PAUSE), np.zeros(num, int), np.arange(num)
    contestant.begin(WORLD, starts, goals)
    states = starts
    for time in range(1, LIMIT + 1):
        actions = contestant.act(states)
        pushed = WORLD.pushes(states, actions) & ~found.success[alive]
        found.tries[alive] += pushed & (since >= PAUSE)
        found.pushes[alive] += pushed
        since = np.where(pushed, 0, since + 1)
        states = WORLD.advance(states, actions)
        inside = np.where(WORLD.distance(states, goals) <= WORLD.rules.radius, inside + 1, 0)
        now = alive[(inside >= WORLD.rules.hold) & ~found.success[alive]]
        found.success[now], found.steps[now] = True, time
        if found.success.all():
            break
        keep = ~found.success[alive]
        if not stays and not keep.all():
            alive, since, inside, states, goals = alive[keep], since[keep], inside[keep], select_rows(states, keep), select_rows(goals, keep)
            contestant.keep(keep)
    return found


def contestants(run: Path, seed: int) -> dict[str, AbstractContestant]:
    return {
        "without a memory": AgentContestant(load_agent(run)),
        "with a memory": AgentContestant(load_agent(run, memory="episode")),
        "expert that does not know": UnknowingExpert(),
        "expert that knows": ScriptedContestant(),
        "random": RandomContestant(seed),
        "zero": ZeroContestant(),
    }


def tries(run: Path, episodes: int, seeds: list[int]) -> dict[str, Any]:
    found: dict[str, list[Episodes]] = {}
    for seed in seeds:
        starts, goals = WORLD.sample_pairs(numpy_generator(seed, "evaluation", "across-rooms", 0), episodes, "across-rooms")
        for name, contestant in contestants(run, seed).items():
            found.setdefault(name, []).append(play(contestant, starts, goals))
            print(seed, name, json.dumps(found[name][-1].to_json()), flush=True)
    whole = {name: joined(parts) for name, parts in found.items()}
    table = {name: part.to_json() for name, part in whole.items()}
    table["with minus without"] = {"success": paired_difference(whole["with a memory"].success, whole["without a memory"].success)}
    return table


def lasting(run: Path, episodes: int, seeds: list[int], rounds: int = 4) -> dict[str, Any]:
    """Tries in the first, second, ... episode behind the same doors."""
    table: dict[str, Any] = {}
    for memory in ("episode", "always"):
        found: list[list[Episodes]] = [[] for _ in range(rounds)]
        for seed in seeds:
            agent = load_agent(run, memory=memory)
            assert isinstance(agent.world_model, RememberingModel)
            rng = numpy_generator(seed, "evaluation", "lasting", 0)
            locked = None
            for number in range(rounds):
                starts, goals = WORLD.sample_pairs(rng, episodes, "across-rooms")
                locked = starts["locked"] if locked is None else locked
                found[number].append(play(AgentContestant(agent), {**starts, "locked": locked}, {**goals, "locked": locked}, stays=True))
        table[memory] = [joined(parts).to_json() for parts in found]
        print(memory, [(part["mean_tries"], part["success"], part["median_steps"]) for part in table[memory]], flush=True)
    return table


def joined(parts: list[Episodes]) -> Episodes:
    return Episodes(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("success", "steps", "pushes", "tries")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("tries", "lasting"))
    parser.add_argument("run", type=Path)
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {"tries": tries, "lasting": lasting}[arguments.part](arguments.run, arguments.episodes, arguments.seeds)
    print(json.dumps(found, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
