"""Promises of the small parts of the benchmark on the road. What needs `highway_env` itself is left out where it is not installed."""

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import shrink
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.highway import reading
from benchmarks.highway.drive import AbstractDriver, Advised, Asleep, Dice, Resident, Trips, drive
from benchmarks.highway.perception import NearFirstConfig
from benchmarks.highway.road import FASTER, IDLE, LEFT, RIGHT, SLOWER, Drivers, Highway, advice
from benchmarks.highway.wish import DriveFast, Haste
from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace, Spaces, VectorSpace
from telos.core.types import Problem, Rollout, State
from telos.data import EpisodeWriter
from telos.recipes import default
from telos.recipes.experiment import train
from telos.recipes.knowledge import load_knowledge

on_the_road = pytest.mark.skipif(find_spec("highway_env") is None, reason="highway-env is not installed")


class Reads(nn.Module):
    """One number of the latent."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def forward(self, belief):
        return belief[..., self.index : self.index + 1]


def energy_of(crashed: list[float], speed: list[float], price: float) -> torch.Tensor:
    latent = torch.stack([torch.tensor(crashed), torch.tensor(speed)], dim=-1)[None]
    rollout = Rollout(latent=latent, actions=torch.zeros(1, len(speed), 1, dtype=torch.long))
    state = State(latent=latent[:, 0], belief=latent[:, 0])
    return Haste(price=price, crashed=Reads(0), speed=Reads(1)).energy(rollout, Problem(state=state))[0]


def odds(*shares: float) -> list[float]:
    return torch.tensor(shares).logit(eps=1e-6).tolist()


def test_energy_is_how_slow_the_way_is_and_the_price_of_its_likeliest_crash():
    never = odds(0.0, 0.0, 0.0, 0.0)
    assert energy_of(never, [30.0, 25.0, 20.0, 10.0], 8.0).tolist() == pytest.approx([0, 0.125, 0.25, 0.25], abs=1e-4)
    assert float(energy_of(odds(0.0, 0.5, 0.1, 0.0), [30.0] * 4, 8.0).sum()) == pytest.approx(4.0)
    assert float(energy_of(never, [40.0, 30.0, 30.0, 30.0], 8.0).sum()) == pytest.approx(0, abs=1e-4)
    with pytest.raises(ConfigError, match="price"):
        DriveFast(price=-1.0)


def test_what_is_near_counts_most_and_nothing_is_lost():
    encoder = NearFirstConfig().build(VectorSpace(4), 4)
    table = torch.tensor([[-1.0, 0.0, 0.025, 0.05]])
    latent = encoder(table)[0]
    assert latent[:2].tolist() == [-2.0, 0.0]
    assert float(latent[3] - latent[2]) > 5 * (0.05 - 0.025) and bool((latent.abs() >= 2 * table[0].abs()).all())
    with pytest.raises(ConfigError, match="no latent of 3"):
        NearFirstConfig().build(VectorSpace(4), 3)
    with pytest.raises(ConfigError, match="sharpness"):
        NearFirstConfig(sharpness=0.0)


def test_a_readout_is_taught_from_what_is_imagined_beside_what_came_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "NUM_STEPS", 300)
    rng = np.random.default_rng(0)
    with EpisodeWriter(tmp_path / "logs", Spaces(VectorSpace(3), DiscreteSpace(5))) as writer:
        for length in rng.integers(3, 9, size=60):
            places = rng.normal(size=(length + 1, 3)).astype(np.float32)
            writer.add(places, rng.integers(5, size=(length, 1)), info={"right": (places[:, 0] > 0).astype(np.float64)})
    run = train(tmp_path / "logs", tmp_path / "run", recipe=lambda logs: shrink(default(logs), steps=(40, 4, 4)))
    readout = reading.teach_ahead(run, [tmp_path / "logs"], "right", unit=reading.ODDS, horizon=3)
    # Every frame, and up to three steps from each: what is seen can be told, what is imagined of pure chance cannot.
    assert readout.fidelity.num_labels > 60 * 9 and readout.fidelity.error < readout.fidelity.floor
    knowledge = load_knowledge(run)
    seen = knowledge.world_model.observe(None, None, torch.tensor([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]]))
    right, left = seen.read(knowledge.readouts["right"])[:, 0].sigmoid()
    assert right > 0.8 and left < 0.2


def test_a_driver_of_the_logs_is_led_astray_for_a_share_of_the_time():
    rng, num = np.random.default_rng(0), 4000
    act = Drivers(random_episodes=0.25, most_astray=0.4).start(DiscreteSpace(5), num, rng)
    advised = {"advice": np.full(num, FASTER)}
    first = act(None, advised, np.ones(num, bool))
    again = act(None, advised, np.zeros(num, bool))
    assert first.shape == (num, 1) and set(np.unique(first)) == {0, 1, 2, 3, 4}
    # A quarter of the episodes at random, the others for a fifth of the time on the mean; one random choice in five is the advice.
    expected = 1 - (0.25 + 0.75 * 0.2) * 0.8
    for found in (first, again):
        assert (found == FASTER).mean() == pytest.approx(expected, abs=0.03)


def test_trips_are_summed_up_by_the_seconds_that_were_driven():
    trips = Trips(crashed=(True, False, False, False), speed=(30.0, 20.0, 20.0, 20.0), steps=(10, 30, 30, 30))
    assert trips.crashes.value == 0.25 and trips.mean_speed == pytest.approx(21.0)


class Accident(AbstractDriver):
    """Full speed ahead, always; counts who is left."""

    name = "accident"

    def __init__(self) -> None:
        self.kept: list[int] = []

    def choose(self, roads, seen):
        assert seen.shape == (len(roads), 25)
        return np.full(len(roads), FASTER)

    def keep(self, rows):
        self.kept.append(int(rows.sum()))


@pytest.mark.slow
@on_the_road
def test_trips_end_with_a_crash_and_whoever_has_crashed_leaves():
    driver = Accident()
    trips = drive(driver, range(500, 504))
    assert any(trips.crashed) and len(trips.steps) == 4
    assert all((steps < 30) == crashed or steps == 30 for steps, crashed in zip(trips.steps, trips.crashed, strict=True))
    assert driver.kept == sorted(driver.kept, reverse=True)
    assert max(trips.speed) <= 30 and drive(Accident(), range(500, 504)) == trips


@on_the_road
def test_logs_tell_what_was_true_and_the_advice_depends_on_the_road():
    world = Highway(max_steps=6)
    state = world.sample(np.random.default_rng(0), 6)
    truth = world.truth(state)
    assert set(truth) == {"seed", "time", "crashed", "speed", "advice"} and not truth["crashed"].any()
    np.testing.assert_allclose(truth["speed"], 25.0)
    assert set(truth["advice"]) <= {LEFT, IDLE, RIGHT, FASTER, SLOWER} and len(set(truth["advice"])) > 1
    after = world.advance(state, world.expert(state, state))
    road = world._stand(after, 0).env.unwrapped
    others = len(road.road.vehicles)
    assert advice(road) == world.truth(after)["advice"][0] and len(road.road.vehicles) == others


@pytest.mark.slow
@on_the_road
def test_the_environments_own_driver_is_in_the_car_and_brakes_as_it_likes():
    resident, asleep = drive(Resident(), range(600, 603)), drive(Asleep(), range(600, 603))
    assert not any(resident.crashed) and resident.speed != asleep.speed
    assert not any(drive(Advised(), range(600, 603)).crashed)
    assert drive(Dice(3), range(600, 603)) == drive(Dice(3), range(600, 603))


def test_a_driver_can_be_described():
    assert Drivers().describe()["random_episodes"] == replace(Drivers()).random_episodes
