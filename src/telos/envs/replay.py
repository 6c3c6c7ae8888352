"""Any environment of Gymnasium as a world: a state is the seed of its episode and everything done in it since."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import gymnasium
import numpy as np

from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace, Tree
from telos.core.world import Rules, WorldState
from telos.envs.fields import check_count
from telos.envs.gym_world import AbstractForeignWorld

KEPT_OPEN = 128
"""Environments that are kept where they stand; one that was let go is led there again by its seed and its actions."""


@dataclass
class _Live:
    """An environment, where it stands, and what it last showed."""

    env: gymnasium.Env
    seen: Any
    info: Mapping[str, Any] = field(default_factory=dict)
    over: bool = False


@dataclass(frozen=True, kw_only=True)
class ReplayWorld(AbstractForeignWorld):
    """An environment that nobody wrote an adapter for; its states are restored by seed and replay of the actions.

    Use for any environment that is deterministic once seeded; that is checked when the first episode is begun.
    Not where steps are dear and episodes long: going back to a state takes all steps that led there. An adapter takes one.

    State: `seed [batch]`, `time [batch]`, `history [batch max_steps action]`.
    """

    max_steps: int = 1000
    """Longest episode, in steps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count(self, "max_steps", 1)

    @property
    def rules(self) -> Rules:  # type: ignore[override]
        """Success is what the environment says of itself in `info`; there is no distance to measure."""
        return Rules(radius=0.5, unit="0 where the environment reports success, else 1", hold=1)

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        action = self.spaces.action
        self._check_determinism()
        return {
            "seed": rng.integers(2**31, size=num),
            "time": np.zeros(num, np.int64),
            "history": np.zeros((num, self.max_steps, *action.shape), action.dtype),
        }

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        """Starts, and other starts as goals: all that can be known without an adapter. Offsets in logs make better goals."""
        self.check_pair_kind(kind)
        return self.sample(rng, num), self.sample(rng, num)

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        time, history = np.array(state["time"]), np.array(state["history"])
        going = np.flatnonzero(time < self.max_steps)
        space = self.spaces.action
        # What is clipped is clipped in the history too: equal states have equal histories.
        taken = np.asarray(actions) if isinstance(space, DiscreteSpace) else np.clip(actions, *space.bounds)
        history[going, time[going]] = taken[going]
        time[going] += 1
        after = {"seed": np.array(state["seed"]), "time": time, "history": history}
        for index in going.tolist():
            self._stand(after, index)
        return after

    def observe(self, state: WorldState) -> Tree:
        rows = []
        for index in range(len(state["seed"])):
            live = self._stand(state, index)
            rows.append(self.picture(live.env, self.pixels) if self.pixels is not None else self.fitting(live.seen))
        if isinstance(rows[0], Mapping):
            return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        return np.stack(rows)

    def draw(self, state: WorldState, size: int) -> np.ndarray:
        """Pictures `[batch size size 3]` for people."""
        return np.stack([self.picture(self._stand(state, index).env, size) for index in range(len(state["seed"]))])

    def info(self, state: WorldState) -> list[Mapping[str, Any]]:
        """What the environment told beside its observations, row by row."""
        return [self._stand(state, index).info for index in range(len(state["seed"]))]

    def over(self, state: WorldState) -> np.ndarray:
        return np.array([self._stand(state, index).over for index in range(len(state["seed"]))], dtype=bool)

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """0 where the environment reports success, whatever the goal; else 1."""
        return np.array([0.0 if reports_success(info) else 1.0 for info in self.info(state)])

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        raise ConfigError(f"Nobody wrote a scripted expert for '{self.env}'.", fix="collect with another --policy")

    def truth(self, state: WorldState) -> WorldState:
        """Seed and time; what was done in between lies in the logs already."""
        return {"seed": state["seed"], "time": state["time"]}

    def recall(self, truth: WorldState, actions: np.ndarray) -> WorldState:
        action = self.spaces.action
        if len(actions) > self.max_steps:
            raise ConfigError(
                f"A logged episode has {len(actions)} steps; {self.env} is made for {self.max_steps}.", fix="give it a larger max_steps"
            )
        if int(truth["time"][0]) != len(actions):
            raise ConfigError(f"Step {truth['time'][0]} of '{self.env}' cannot be restored.", expected="the actions that led there")
        history = np.zeros((1, self.max_steps, *action.shape), action.dtype)
        history[0, : len(actions)] = actions
        return {"seed": np.array(truth["seed"], np.int64), "time": np.array(truth["time"], np.int64), "history": history}

    @cached_property
    def _open(self) -> OrderedDict[tuple[int, bytes], _Live]:
        return OrderedDict()

    def _stand(self, state: WorldState, index: int) -> _Live:
        """The environment where row `index` of the state stands: the one that is there, or the nearest one on the way led on."""
        seed, time = int(state["seed"][index]), int(state["time"][index])
        done = np.ascontiguousarray(state["history"][index, :time])
        for back in range(time, -1, -1):
            live = self._open.pop((seed, done[:back].tobytes()), None)
            if live is not None:
                break
        else:
            live, back = self._begin(seed), 0
        for action in done[back:]:
            self._step(live, action)
        self._open[seed, done.tobytes()] = live
        while len(self._open) > KEPT_OPEN:
            self._open.popitem(last=False)[1].env.close()
        return live

    def _begin(self, seed: int) -> _Live:
        env = self.make()
        seen, info = env.reset(seed=seed)
        return _Live(env, seen, info)

    def _step(self, live: _Live, action: np.ndarray) -> None:
        for _ in range(self.action_repeat):
            if not live.over:
                live.seen, _, terminated, truncated, live.info = live.env.step(self.native(action))
                live.over = bool(terminated or truncated)

    def _check_determinism(self) -> None:
        """Raises ConfigError if two episodes of one seed and the same actions differ."""
        if "_deterministic" in vars(self):
            return
        rng = np.random.default_rng(0)
        first, second = self._begin(0), self._begin(0)
        actions = [self._random_action(rng) for _ in range(min(20, self.max_steps))]
        for number, action in enumerate(actions):
            self._step(first, action)
            self._step(second, action)
            if not _equal(first.seen, second.seen):
                raise ConfigError(
                    f"'{self.env}' is not deterministic: step {number + 1} of two episodes of one seed differs, so no state can be restored.",
                    fix="write an adapter that reads and sets its state: docs/how-to/any-gymnasium-environment.md",
                )
        first.env.close(), second.env.close()
        vars(self)["_deterministic"] = True

    def _random_action(self, rng: np.random.Generator) -> np.ndarray:
        space = self.spaces.action
        if isinstance(space, DiscreteSpace):
            return rng.integers(space.num, size=1)
        return rng.uniform(*(np.clip(bound, -10, 10) for bound in space.bounds)).astype(np.float32)


def reports_success(info: Mapping[str, Any]) -> bool:
    """Whether `info` says so, under one of the names that are in use."""
    return any(bool(info.get(name, False)) for name in ("is_success", "success"))


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, Mapping):
        return all(_equal(left[name], right[name]) for name in left)
    return bool(np.array_equal(np.asarray(left), np.asarray(right))) if not isinstance(left, str) else left == right
