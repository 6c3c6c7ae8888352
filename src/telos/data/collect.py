"""Lets a behaviour act in a vector environment and logs what happens."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from telos.core.errors import ConfigError, SpaceError
from telos.core.logs import map_tree
from telos.core.seeding import derive_seed, numpy_generator
from telos.core.spaces import AbstractSpace, DiscreteSpace, Spaces, Tree, TreeSpace
from telos.data.behaviour import AbstractBehaviour
from telos.data.manifest import INFO
from telos.data.recorder import FIRST_STEPS, PictureWatch
from telos.data.store import Episodes
from telos.data.writer import EpisodeWriter


def collect(
    env: VectorEnv,
    policy: AbstractBehaviour,
    out: Path | str,
    *,
    episodes: int,
    steps: int,
    seed: int,
    spaces: Spaces,
    environment: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Episodes:
    """Logs `episodes` episodes of at most `steps` steps; the same seed and batch give the same bytes.

    Args:
        env: A vector environment that does not reset by itself (`autoreset_mode=AutoresetMode.DISABLED`). What it gives as
            `info["state"]`, arrays `[batch ...]` by name, is kept as `info/NAME`, for evaluation only.
        policy: What chooses the actions.
        out: Where the store shall be.
        episodes: How many to log. Each counts from its start, so that early ends do not crowd out long episodes.
        steps: Most steps per episode.
        seed: Of environment and policy.
        spaces: What observations and actions are logged as.
        environment: `{"name": ..., "args": {...}}` that makes the environment again.
        progress: Called after every step of the batch with the steps done and those expected.

    Raises:
        ConfigError: nothing to log, or an environment that resets by itself.
        SpaceError: the environment's observations do not fit `spaces`, or the policy's actions do not.
        DataError: the store cannot be written, or the first pictures are all black. What else is odd about pictures, the store's
            `metadata` say under `problems`.
    """
    if episodes < 1 or steps < 1:
        raise ConfigError(f"{episodes} episodes of {steps} steps cannot be collected.", expected="at least one of each")
    if AutoresetMode(env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)) is not AutoresetMode.DISABLED:
        raise ConfigError(
            "The vector environment resets by itself, which mixes two episodes.", fix="make it with autoreset_mode=AutoresetMode.DISABLED"
        )
    units = {INFO + name: unit for name, unit in getattr(getattr(env, "world", None), "units", {}).items()}
    with EpisodeWriter(out, spaces, environment=environment, behaviour=policy.describe(), seed=seed, units=units) as writer:
        _Collector(env, policy, writer, episodes, steps, seed).run(progress)
    return Episodes.open(out)


class _Collector:
    """The episodes that are under way: one per slot of the batch, each at a time of its own."""

    def __init__(self, env: VectorEnv, policy: AbstractBehaviour, writer: EpisodeWriter, episodes: int, steps: int, seed: int) -> None:
        self.env, self.writer, self.steps, self.seed = env, writer, steps, seed
        self.spaces = writer.spaces
        self.watch = PictureWatch(writer.spaces)
        self.expected = episodes * steps
        self.act = policy.start(self.spaces.action, env.num_envs, numpy_generator(seed, "behaviour"))
        self.slots = np.arange(env.num_envs)
        self.recording = self.slots < episodes
        self.unstarted = max(0, episodes - env.num_envs)
        self.times = np.zeros(env.num_envs, dtype=np.int64)
        self.observations: Tree = None
        self.state: dict[str, np.ndarray] = {}

    def run(self, progress: Callable[[int, int], None] | None) -> None:
        """Steps until every episode is finished."""
        done_steps, batch_steps = 0, 0
        # 31 bits: some environments hand their seed to libraries that take no more.
        observed = self._observe(*self.env.reset(seed=derive_seed(self.seed, "environment") % 2**31))
        self._allocate(*observed)
        started = np.ones(len(self.slots), dtype=bool)
        self._record(observed, started)
        while self.recording.any():
            actions = self._check_actions(self.act(*observed, started))
            self.actions[self.slots, self.times] = actions
            raw, _, terminated, truncated, info = self.env.step(self._native(actions))
            observed = self._observe(raw, info)
            self.times += 1
            done_steps += int(self.recording.sum())
            batch_steps += 1
            self._record(observed, self.recording)
            if batch_steps == min(FIRST_STEPS, self.steps):
                self.watch.check_first(map_tree(lambda rows: rows[self.recording, : self.times.min() + 1], self.observations))
            started = terminated | truncated | (self.times >= self.steps)
            if started.any():
                self._finish(started)
                if self.recording.any():
                    observed = self._restart(observed, started)
            if progress is not None:
                progress(done_steps, self.expected)
        self.writer.note(self.watch.to_json())

    def _observe(self, raw: Any, info: Mapping[str, Any]) -> tuple[Tree, dict[str, np.ndarray]]:
        """Observations `[batch ...]` in the dtype and shape of the spaces, and the true state; underscores mark Gymnasium's masks."""
        space = self.spaces.observation
        if isinstance(space, TreeSpace):
            if not isinstance(raw, Mapping) or not set(space.spaces) <= set(raw):
                raise SpaceError("The environment's observation lacks parts.", expected=f"a dictionary of {sorted(space.spaces)}")
            observations = {name: _to_space(raw[name], part, f"observation '{name}'") for name, part in space.spaces.items()}
        else:
            observations = _to_space(raw, space, "observation")
        state = info.get("state", {})
        state = {name: np.asarray(value) for name, value in state.items() if not name.startswith("_")} if isinstance(state, Mapping) else {}
        return observations, state

    def _allocate(self, observations: Tree, state: dict[str, np.ndarray]) -> None:
        def room(rows: np.ndarray) -> np.ndarray:
            return np.empty((len(self.slots), self.steps + 1, *rows.shape[1:]), dtype=rows.dtype)

        self.observations = map_tree(room, observations)
        self.state = {name: room(rows) for name, rows in state.items()}
        action = self.spaces.action
        self.actions = np.empty((len(self.slots), self.steps, *action.shape), dtype=action.dtype)

    def _record(self, observed: tuple[Tree, dict[str, np.ndarray]], rows: np.ndarray) -> None:
        """Keeps what the slots marked in `rows` have seen, each at its own time."""
        slots, times = self.slots[rows], self.times[rows]
        for kept, seen in zip((self.observations, self.state), observed, strict=True):
            for target, source in _pairs(kept, seen):
                target[slots, times] = source[rows]

    def _finish(self, ended: np.ndarray) -> None:
        """Writes the episodes that ended and gives their slots to episodes not yet begun."""
        for slot in self.slots[ended & self.recording]:
            length = self.times[slot]
            observations = map_tree(lambda rows, slot=slot, length=length: rows[slot, : length + 1], self.observations)
            info = {name: rows[slot, : length + 1] for name, rows in self.state.items()}
            self.writer.add(observations, self.actions[slot, :length], info=info)
            self.watch.add(observations, self.actions[slot, :length], info)
            self.recording[slot] = self.unstarted > 0
            self.unstarted = max(0, self.unstarted - 1)

    def _restart(self, observed: tuple[Tree, dict[str, np.ndarray]], ended: np.ndarray) -> tuple[Tree, dict[str, np.ndarray]]:
        """Resets the slots that ended, spare ones too since the environment refuses to step them; the rest see what they saw."""
        fresh = self._observe(*self.env.reset(options={"reset_mask": ended.copy()}))
        self.times[ended] = 0

        def merge(old: np.ndarray, new: np.ndarray) -> np.ndarray:
            return np.where(ended.reshape(-1, *[1] * (old.ndim - 1)), new, old)

        observations, state = observed
        if isinstance(observations, Mapping):
            observations = {name: merge(rows, fresh[0][name]) for name, rows in observations.items()}
        else:
            observations = merge(observations, fresh[0])
        merged = observations, {name: merge(state[name], fresh[1][name]) for name in self.state}
        self._record(merged, ended)
        return merged

    def _check_actions(self, actions: np.ndarray) -> np.ndarray:
        actions = self.spaces.action.check(actions, what="The policy's action")
        if actions.shape[0] != len(self.slots) or actions.ndim != 2:
            raise SpaceError(f"The policy's action has shape {list(actions.shape)}.", expected=f"[{len(self.slots)}, {self.spaces.action.shape[0]}]")
        return actions

    def _native(self, actions: np.ndarray) -> np.ndarray:
        """The actions as the environment wants them."""
        single = self.env.single_action_space
        if isinstance(self.spaces.action, DiscreteSpace):
            return actions[:, 0] + int(getattr(single, "start", 0))
        return actions.reshape(len(actions), *(single.shape or ())).astype(single.dtype, copy=False)


def _to_space(raw: Any, space: AbstractSpace, what: str) -> np.ndarray:
    """Rows `[batch ...]`; a vector that comes as a table is laid flat."""
    raw = np.asarray(raw)
    if len(space.shape) == 1 and raw.ndim != 2:
        raw = raw.reshape(len(raw), -1)
    return space.check(raw, what=f"The environment's {what}")


def _pairs(left: Tree, right: Tree) -> list[tuple[np.ndarray, np.ndarray]]:
    """The leaves of two equal trees, side by side."""
    return [(left[name], right[name]) for name in left] if isinstance(left, Mapping) else [(left, right)]
