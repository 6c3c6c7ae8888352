"""`highway-fast-v0` as a world, with what was true of each step in its logs, and the drivers whose logs a model learns from.

What is seen is the environment's own table of 5 x 5 numbers: the driver itself and the four nearest cars ahead of it. Cars behind are not
in it, nor what anybody has in mind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from telos.core.spaces import ActionSpace, Tree
from telos.core.world import WorldState
from telos.data.behaviour import AbstractBehaviour, Acting, HeldRandomActions
from telos.envs.replay import ReplayWorld

STEPS = 30
"""Of an episode: one a second."""
LEFT, IDLE, RIGHT, FASTER, SLOWER = range(5)
TOP_SPEED = 30.0
"""Metres a second; what the environment's own driver is told to wish for."""
LOOKS = 2.0
"""Seconds since the last look at other lanes: long enough for it to look again."""


@dataclass(frozen=True, kw_only=True)
class Highway(ReplayWorld):
    """The road. Its logs say of each frame whether there was a crash, how fast the car was, and what the environment's own driver would do."""

    env: str = "gym:highway-fast-v0"
    max_steps: int = STEPS

    has_expert: ClassVar[bool] = True
    units: ClassVar[Mapping[str, str]] = {"speed": "m/s"}

    def truth(self, state: WorldState) -> WorldState:
        roads = [self._stand(state, index).env.unwrapped for index in range(len(state["seed"]))]
        return {
            **super().truth(state),
            "crashed": np.array([float(road.vehicle.crashed) for road in roads]),
            "speed": np.array([forward_speed(road) for road in roads]),
            "advice": np.array([advice(road) for road in roads]),
        }

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """What the environment's own driver would do, wherever it is to go."""
        return self.truth(state)["advice"][:, None]


@dataclass(frozen=True, kw_only=True)
class Drivers(AbstractBehaviour):
    """Some episodes at random, the others by the environment's own driver, who is led astray for a share of the time."""

    random_episodes: float = 0.4
    """Share of the episodes in which nobody is at the wheel."""
    most_astray: float = 0.5
    """Share of the steps at which the driver of an episode does anything at random, at the most; each episode has a share of its own."""

    def start(self, space: ActionSpace, num: int, rng: np.random.Generator) -> Acting:
        wander = HeldRandomActions(max_hold=3).start(space, num, rng)
        share = np.zeros(num)

        def act(observations: Tree, state: Mapping[str, np.ndarray], started: np.ndarray) -> np.ndarray:
            fresh = int(started.sum())
            alone = rng.random(fresh) < self.random_episodes
            share[started] = np.where(alone, 1.0, rng.uniform(0, self.most_astray, fresh))
            astray = rng.random(num) < share
            return np.where(astray[:, None], wander(observations, state, started), np.asarray(state["advice"])[:, None]).astype(space.dtype)

        return act


def forward_speed(road: Any) -> float:
    """Metres a second along the road."""
    return float(road.vehicle.speed * np.cos(road.vehicle.heading))


def advice(road: Any) -> int:
    """The choice that is nearest to what the environment's own driver (IDM and MOBIL) would do in place of the car that is driven.

    Sources: Treiber, Hennecke & Helbing (2000), "Congested traffic states in empirical observations and microscopic simulations";
    Kesting, Treiber & Helbing (2007), "General lane-changing model MOBIL for car-following models".
    """
    from highway_env.vehicle.behavior import IDMVehicle

    car, traffic = road.vehicle, road.road
    driver = IDMVehicle.create_from(car)
    driver.target_speed, driver.timer = TOP_SPEED, LOOKS
    others = traffic.vehicles
    # Its place on the road is free: it would take the car itself for one that is right before it.
    traffic.vehicles = [other for other in others if other is not car]
    try:
        driver.change_lane_policy()
        lanes = {driver.lane_index, driver.target_lane_index}
        wish = min(driver.acceleration(driver, *traffic.neighbour_vehicles(driver, lane)) for lane in lanes)
    finally:
        traffic.vehicles = others
    sideways = driver.target_lane_index[2] - car.target_lane_index[2]
    if sideways:
        return RIGHT if sideways > 0 else LEFT
    wanted = car.speed_to_index(car.speed + wish)
    return IDLE if wanted == car.speed_index else FASTER if wanted > car.speed_index else SLOWER
