import numpy as np
import pytest
import torch
from small_runs import QUICK

from telos.core.spaces import PixelSpace
from telos.envs import Maze, PointMass, TwoRooms
from telos.evaluation.report.codec import train_decoder
from telos.evaluation.report.findings import _fidelity
from telos.evaluation.report.imagery import CameraImagery, NumberImagery, StateImagery, imagery_for


def trained(small, seed=0):
    sources = small.sources
    model = sources.agent.world_model
    imagery = imagery_for(model.spaces.observation, sources.world)
    return train_decoder(model, sources.training, imagery.target, seed=seed, config=QUICK), imagery, sources


@pytest.fixture(scope="module")
def of_rooms(rooms):
    return trained(rooms)


def test_held_out_frames_are_drawn_better_than_by_the_mean_frame(of_rooms):
    codec, imagery, sources = of_rooms
    assert _fidelity(codec, imagery, sources.held_out) < 0.8


def test_held_out_readings_are_read_back_better_than_by_the_mean_reading(mass):
    codec, imagery, sources = trained(mass)
    assert _fidelity(codec, imagery, sources.held_out) < 0.2


def test_the_same_seed_reads_the_same_and_another_seed_does_not(mass):
    observations = mass.sources.held_out.episode(0).observations
    first, again, other = (codec.decode(codec.encode(observations)) for codec, *_ in (trained(mass), trained(mass), trained(mass, seed=1)))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_training_it_leaves_the_model_and_everybody_elses_chance_alone(mass):
    sources = mass.sources
    model = sources.agent.world_model
    before, chance = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    imagery = imagery_for(model.spaces.observation, sources.world)
    train_decoder(model, sources.training, imagery.target, seed=0, config=QUICK)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(chance, torch.get_rng_state())


def test_colours_that_no_frame_has_are_not_drawn(of_rooms):
    codec, _, sources = of_rooms
    frames = np.concatenate([sources.training.episode(index).observations for index in range(sources.training.num_episodes)])
    wild = codec.decode(10 * torch.randn(50, codec.world_model.latent_size, generator=torch.Generator().manual_seed(0)))
    assert (wild.min(axis=(0, 1, 2)) >= frames.min(axis=(0, 1, 2))).all()
    assert (wild.max(axis=(0, 1, 2)) <= frames.max(axis=(0, 1, 2))).all()


def test_large_pictures_are_averaged_down_before_they_are_decoded():
    frames = np.zeros((2, 96, 64, 3), dtype=np.uint8)
    frames[:, ::2] = 100
    small = CameraImagery(None).target(frames)
    assert small.shape == (2, 48, 32, 3)
    assert (small == 50).all()


def test_one_channel_is_shown_as_grey_and_a_stack_of_frames_by_its_first():
    grey = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    assert (CameraImagery(None).seen(grey) == grey).all()
    stack = np.arange(4 * 4 * 9, dtype=np.uint8).reshape(1, 4, 4, 9)
    np.testing.assert_array_equal(CameraImagery(None).seen(stack), stack[..., :3])


def test_a_true_state_is_drawn_only_where_the_observation_determines_it():
    world = PointMass()
    imagery = imagery_for(world.spaces.observation, world)
    assert isinstance(imagery, StateImagery)
    states = world.sample(np.random.default_rng(5), 20)
    np.testing.assert_array_equal(imagery.seen(world.observe(states)), world.draw(states, 192))

    class Vague(PointMass):
        def observe(self, state):
            return np.sin(9 * super().observe(state))

    assert type(imagery_for(world.spaces.observation, Vague())) is NumberImagery
    assert type(imagery_for(world.spaces.observation, None)) is NumberImagery


def test_pictures_are_shown_as_they_were_observed():
    for world in (TwoRooms(size=20), Maze(size=24)):
        seen = world.observe(world.sample(np.random.default_rng(0), 3))
        imagery = imagery_for(PixelSpace(*seen.shape[1:]), world)
        np.testing.assert_array_equal(imagery.seen(seen), seen)
