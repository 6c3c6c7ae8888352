"""MiniGrid: an agent turns and walks on tiles, and looks for the goal tile."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np

from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, VectorSpace
from telos.core.world import Rules, WorldState
from telos.envs import canvas
from telos.envs.adapters.minigrid_expert import DONE, next_action
from telos.envs.fields import check_choice, check_count
from telos.envs.gym_world import OVER, AbstractGymWorld

EMPTY = (1, 0, 0)
"""How MiniGrid writes a tile with nothing on it."""
LASTING = ("wall", "goal", "lava", "floor")
"""Things that nothing can change, so that one of a kind serves all grids."""
WAY_LIMIT = 500
"""Steps in which the expert must find a goal."""


@dataclass(frozen=True, kw_only=True)
class MiniGrid(AbstractGymWorld):
    """A grid of tiles seen as a whole, as numbers or in pictures (`MiniGrid-Empty-*`, `-FourRooms-*`, `-DoorKey-*` and the like).

    Starts are the environment's own, layouts too. A goal shows the agent on the goal tile, as the scripted expert ends there: with
    doors open and key in hand where it takes that. Success is the environment's own, to stand on that tile, in the steps that it
    allows; of goals cut from logs only the tile counts too. The clock of the reward is not part of the state.

    What lies in a closed box is not seen in the state and is lost.
    """

    view: Literal["cells", "pixels"] = "cells"
    """A vector, or pictures. The vector: what lies on each tile, then column, row and direction of the agent (one of each is 1), then what
    it carries. It is learned far better: steps are jumps, which blur what a small CNN makes of pictures."""
    tile: int = 8
    """Pixels of a tile's side; `pixels` shrinks the whole picture instead."""
    actions: Literal[3, 7] = 7
    """Choices: left, right and forward; or those and pick up, drop, toggle and done."""

    has_expert: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "view", ("pixels", "cells"))
        check_choice(self, "actions", (3, 7))
        check_count(self, "tile", 2, 64)

    @property
    def rules(self) -> Rules:  # type: ignore[override]
        """On the very tile, in the steps that the environment allows."""
        steps = self.engine.unwrapped.max_steps  # type: ignore[attr-defined]
        return Rules(radius=0.5, unit="tiles", hold=1, steps=max(1, steps // self.action_repeat))

    @cached_property
    def spaces(self) -> Spaces:  # type: ignore[override]
        seen = PixelSpace(self.pixels, self.pixels) if self.pixels is not None else self.seen_space()
        return Spaces(seen, DiscreteSpace(self.actions))

    def seen_space(self) -> PixelSpace | VectorSpace:
        width, height = self._size
        if self.view == "pixels":
            return PixelSpace(height * self.tile, width * self.tile)
        return VectorSpace(width * height + width + height + 4 + 1)

    def read(self, env: gymnasium.Env) -> Mapping[str, np.ndarray]:
        inner: Any = env.unwrapped
        rows = [EMPTY if thing is None else thing.encode() for thing in inner.grid.grid]
        return {
            # MiniGrid lists its tiles row by row, and writes them column by column.
            "grid": np.array(rows, np.uint8).reshape(inner.height, inner.width, 3).transpose(1, 0, 2),
            "agent_pos": np.array(inner.agent_pos, np.int64),
            "agent_dir": np.array(inner.agent_dir, np.int64),
            "carrying": np.array((0, 0, 0) if inner.carrying is None else inner.carrying.encode(), np.uint8),
        }

    def restore(self, env: gymnasium.Env, state: Mapping[str, np.ndarray]) -> None:
        inner: Any = env.unwrapped
        inner.grid.grid = [self._thing(*code) for code in state["grid"].transpose(1, 0, 2).reshape(-1, 3).tolist()]
        inner.agent_pos, inner.agent_dir = tuple(state["agent_pos"].tolist()), int(state["agent_dir"])
        inner.carrying = self._thing(*state["carrying"].tolist())
        inner.step_count = 0

    def look(self, env: gymnasium.Env) -> np.ndarray:
        if self.view == "pixels":
            return self._drawn(env, self.tile)
        state = self.read(env)
        (x, y), (width, height) = state["agent_pos"], self._size
        things = (state["grid"][..., 0] + state["grid"][..., 2] / 3) / 10
        places = [np.eye(width)[x], np.eye(height)[y], np.eye(4)[state["agent_dir"]]]
        return np.concatenate([things.reshape(-1), *places, state["carrying"][:1] / 10])

    def picture(self, env: gymnasium.Env, size: int) -> np.ndarray:
        return canvas.shrink(self._drawn(env, max(self.tile, -(-size // min(self._size)))), size)

    def idle(self, state: WorldState) -> np.ndarray | None:
        return None if self.actions == 3 else np.full((len(state["agent_dir"]), 1), DONE)

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        starts = self.sample(rng, num)
        goals = starts
        for _ in range(WAY_LIMIT):
            if goals[OVER].all():
                break
            goals = self.advance(goals, self.expert(goals, goals))
        return starts, goals

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """Tiles between the agents, along rows and columns."""
        return np.abs(state["agent_pos"] - goal["agent_pos"]).sum(axis=1).astype(float)

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """On its way to the goal tile, whatever the goal."""
        steps = [next_action({name: part[row] for name, part in state.items()}) for row in range(len(state["agent_dir"]))]
        return np.minimum(np.array(steps)[:, None], self.actions - 1)

    @property
    def _size(self) -> tuple[int, int]:
        inner: Any = self.engine.unwrapped
        return inner.width, inner.height

    def _drawn(self, env: gymnasium.Env, tile: int) -> np.ndarray:
        """The whole grid `[height width 3]`; the ground is drawn once for each layout."""
        inner: Any = env.unwrapped
        key = (tile, *(None if thing is None else thing.encode() for thing in inner.grid.grid))
        if key not in self._grounds:
            if len(self._grounds) >= 512:
                self._grounds.clear()
            self._grounds[key] = inner.grid.render(tile, (-1, -1))
        frame = self._grounds[key].copy()
        x, y = inner.agent_pos
        below = inner.grid.get(x, y)
        frame[y * tile : (y + 1) * tile, x * tile : (x + 1) * tile] = inner.grid.render_tile(below, agent_dir=inner.agent_dir, tile_size=tile)
        return frame

    @cached_property
    def _grounds(self) -> dict[tuple, np.ndarray]:
        return {}

    @cached_property
    def _things(self) -> dict[tuple[int, ...], Any]:
        return {(0, 0, 0): None, EMPTY: None}

    def _thing(self, *code: int) -> Any:
        """What stands for a code in the engine."""
        if code in self._things:
            return self._things[code]
        from minigrid.core.world_object import WorldObj

        thing = WorldObj.decode(*code)
        if thing is None or thing.type in LASTING:
            self._things[code] = thing
        return thing
