"""A small agent, a clock that stands still, and clients of a server within this process."""

import time
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
import torch

from telos.agent.actor import MPPI, RandomShooting
from telos.agent.cost import LeastDistance
from telos.agent.loop import Agent, AgentSettings
from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.serving.app import Server
from telos.serving.limits import ActionLimits
from telos.serving.settings import ServingSettings

ACTION = VectorSpace(2, (-1.0, 0.0), (1.0, 4.0))
SPACES = {
    "vector": Spaces(VectorSpace(3), ACTION),
    "pixels": Spaces(PixelSpace(16, 16), ACTION),
    "tree": Spaces(TreeSpace({"camera": PixelSpace(16, 16), "joints": VectorSpace(2)}), ACTION),
    "choices": Spaces(VectorSpace(3), DiscreteSpace(4)),
}


@dataclass(frozen=True, kw_only=True)
class Sleepy(MPPI):
    """A planner that takes its time."""

    seconds: float = 0.5

    def search(self, evaluate, warm_start, generator):
        time.sleep(self.seconds)
        return super().search(evaluate, warm_start, generator)


class Clock:
    """Stands still unless told otherwise."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make_agent(spaces, planner=None, budget_ms=None):
    torch.manual_seed(0)
    model = JEPAConfig(encoder=EncoderConfig(), latent_size=4).build(spaces)
    usual = RandomShooting(horizon=4, num_candidates=8) if isinstance(spaces.action, DiscreteSpace) else MPPI(horizon=4, num_candidates=8)
    return Agent(model, AgentSettings(planner=planner or usual, cost=LeastDistance(), budget_ms=budget_ms))


def make_server(kind="vector", *, planner=None, slew=None, clock=time.monotonic, fallback=None, **settings):
    spaces = SPACES[kind]
    fallback = fallback or ("hold" if kind == "choices" else "zero")
    times = {"deadline_ms": 2000.0, "stale_ms": 5000.0, "watchdog_ms": 5000.0, **settings}
    return Server(lambda: make_agent(spaces, planner), ActionLimits(spaces.action, slew, fallback), ServingSettings(**times), clock)


def client_of(server):
    """Requests that reach the application directly."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(server.app()), base_url="http://telos")


def seen(kind, rng=None):
    """An observation as JSON carries it."""
    rng = rng or np.random.default_rng(0)
    space = SPACES[kind].observation
    if isinstance(space, TreeSpace):
        return {name: draw(part, rng).tolist() for name, part in space.spaces.items()}
    return draw(space, rng).tolist()


def draw(space, rng):
    return rng.integers(256, size=space.shape, dtype=np.uint8) if isinstance(space, PixelSpace) else rng.normal(size=space.shape).astype(np.float32)


@pytest.fixture
def clock():
    return Clock()
