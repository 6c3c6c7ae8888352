"""Environments of Gymnasium for tests, one honest and some with a flaw; importing this module registers them."""

import gymnasium
import numpy as np


class Climber(gymnasium.Env):
    """A number is pushed up and down from where its seed puts it; at 3 it has succeeded, at -3 it is over."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012
    observation_space = gymnasium.spaces.Box(-10, 10, (2,), np.float64)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    made = 0
    stepped = 0

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        Climber.made += 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.height, self.time = float(self.np_random.uniform(-1, 1)), 0
        return self._look(), {}

    def step(self, action):
        Climber.stepped += 1
        self.height, self.time = self.height + float(action[0]) * (1 + 0.1 * self.time), self.time + 1
        return self._look(), 0.0, self.height <= -3, False, {"is_success": self.height >= 3}

    def render(self):
        return np.full((8, 8, 3), 128 + int(10 * np.clip(self.height, -10, 10)), np.uint8)

    def _look(self):
        return np.array([self.height, self.time])


class Moody(Climber):
    """Does not keep to its seed."""

    def step(self, action):
        seen, *rest = super().step(action)
        return seen + np.random.default_rng().normal(size=2), *rest


class Chooser(Climber):
    """Takes choices, counted from 1, and tells of its height by name."""

    observation_space = gymnasium.spaces.Dict(
        {"height": gymnasium.spaces.Box(-10, 10, (1,), np.float64), "time": gymnasium.spaces.Box(0, 100, (1,), np.float64)}
    )
    action_space = gymnasium.spaces.Discrete(2, start=1)

    def step(self, action):
        assert action in (1, 2)
        return super().step([2 * action - 3])

    def _look(self):
        return {"height": np.array([self.height]), "time": np.array([float(self.time)])}


class Dark(Climber):
    """Renders nothing."""

    def render(self):
        return np.zeros((8, 8, 3), np.uint8)


class Stuck(Climber):
    """Goes on showing what it showed first."""

    def reset(self, *, seed=None, options=None):
        seen, info = super().reset(seed=seed)
        self.first = super().render()
        self.first[:4] = 0
        return seen, info

    def render(self):
        return self.first


for kind in (Climber, Moody, Chooser, Dark, Stuck):
    gymnasium.register(id=f"toys/{kind.__name__}-v0", entry_point=kind, max_episode_steps=50)
