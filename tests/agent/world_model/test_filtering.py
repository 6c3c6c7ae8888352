"""A belief is carried through frames that show nothing."""

import numpy as np
import pytest
import torch

from telos.agent.memory import EpisodicMemoryConfig, RememberingModel
from telos.agent.perception import EncoderConfig
from telos.agent.tasks import ReachGoal
from telos.agent.world_model import FilteringJEPAConfig
from telos.core.errors import ConfigError
from telos.core.readouts import Knowledge
from telos.core.spaces import DiscreteSpace, Spaces, VectorSpace
from telos.training.learner import Learner
from telos.training.objectives import Belief, OfFrames

SPACES = Spaces(VectorSpace(3), VectorSpace(2, (-1, -1), (1, 1)))


def model(**changes):
    torch.manual_seed(0)
    return FilteringJEPAConfig(encoder=EncoderConfig(), latent_size=6, belief_size=24, width=32, **changes).build(SPACES)


def test_what_was_seen_before_counts():
    made = model().eval()
    seen, action = torch.rand(2, 4, 3), torch.rand(2, 3, 2)
    other = torch.cat([torch.rand(2, 1, 3), seen[:, 1:]], dim=1)
    with torch.no_grad():
        ours, theirs = made.encode_window(seen, action), made.encode_window(other, action)
    assert (ours.latent[:, -1] - theirs.latent[:, -1]).abs().max() > 1e-4
    assert torch.equal(ours.memory["alone"][:, -1], theirs.memory["alone"][:, -1])


def test_what_frames_alone_show_is_what_a_first_frame_is_believed_to_show():
    made = model().eval()
    seen = torch.rand(5, 3)
    with torch.no_grad():
        first = made.observe(None, None, seen)
        codes = made.encode_frames(seen)
    assert torch.allclose(first.latent, codes[:, :6], atol=1e-6)
    assert torch.equal(first.latent, first.memory["alone"])


@pytest.mark.parametrize("looks", [1, 3])
def test_a_goal_is_believed_as_by_somebody_who_stays_there(looks):
    made = model(looks=looks).eval()
    seen, idle = torch.rand(5, 3), torch.zeros(5, 2)
    with torch.no_grad():
        goal, there = made.observe_goal(seen), made.observe(None, None, seen)
        for _ in range(looks - 1):
            there = made.observe(there, idle, seen)
    assert torch.equal(goal.belief, there.belief)
    assert (goal.latent - goal.memory["alone"]).abs().max().item() > 1e-4 or looks == 1


def test_a_task_and_a_memory_look_at_a_goal_as_often_as_the_model_says():
    made = model(looks=3).eval()
    seen = torch.rand(2, 3)
    remembering = RememberingModel(made, EpisodicMemoryConfig(threshold=1.0, latent_reach=1.0).build())
    with torch.no_grad():
        wanted = made.observe_goal(seen).latent
        assert torch.equal(remembering.observe_goal(seen).latent, wanted)
    assert torch.equal(ReachGoal(seen.numpy()).start(Knowledge(world_model=made), 2).latent, wanted)


def test_looks_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="0 times"):
        model(looks=0)
    with pytest.raises(ConfigError, match="which choice does nothing"):
        FilteringJEPAConfig(encoder=EncoderConfig(), looks=2).build(Spaces(VectorSpace(3), DiscreteSpace(4)))


def test_an_amended_belief_differs_as_little_as_it_can():
    made = model().eval()
    with torch.no_grad():
        state = made.observe(None, None, torch.rand(3, 3))
        wanted = state.latent + torch.randn(3, 6)
        amended = made.amend(state, wanted)
        assert torch.allclose(made.head(amended.memory["hidden"]), wanted, atol=1e-4)
        change = amended.memory["hidden"] - state.memory["hidden"]
        least = torch.linalg.lstsq(made.head.weight, (wanted - state.latent).T).solution.T
    assert torch.allclose(change, least, atol=1e-3)


def test_a_belief_stays_within_bounds_however_long_nothing_is_seen():
    made = model().eval()
    with torch.no_grad():
        far = made.rollout(made.observe(None, None, torch.rand(2, 3)), torch.ones(2, 400, 2))
    assert far.beyond[0].abs().max() < 24**0.5
    assert torch.isfinite(far.latent).all()


@pytest.mark.parametrize("wrong", [{"latent_size": 0}, {"latent_size": 100}])
def test_sizes_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError, match="belief"):
        FilteringJEPAConfig(encoder=EncoderConfig(), belief_size=64, **wrong)


def places(rng: np.random.Generator, num: int, steps: int, hidden: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Points that walk; most frames of them are blank."""
    actions = rng.uniform(-1, 1, (num, steps, 2))
    at = rng.uniform(-1, 1, (num, 1, 2))
    at = np.concatenate([at, at + 0.3 * np.cumsum(actions, axis=1)], axis=1)
    frames = np.concatenate([at, np.ones((num, steps + 1, 1))], axis=-1) * (rng.random((num, steps + 1, 1)) > hidden)
    return tuple(torch.from_numpy(part.astype(np.float32)) for part in (frames, actions, at))


@pytest.mark.slow
def test_blank_frames_leave_the_position_readable():
    rng, made = np.random.default_rng(0), model()
    learner = Learner(made, (Belief(after=4), OfFrames()), seen=5)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=2e-3)
    for _ in range(1200):
        frames, actions, _ = places(rng, 96, 12, 0.5)
        loss, _ = learner(frames, actions, torch.arange(96))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
    frames, actions, at = places(rng, 600, 12, 0.5)
    with torch.no_grad():
        states = made.eval().encode_window(frames, actions)
    blank = frames[:, 12, 2] == 0

    def error(beliefs: torch.Tensor) -> float:
        inputs = torch.cat([beliefs, torch.ones(600, 1)], dim=1)
        weights = torch.linalg.lstsq(inputs[:300], at[:300, 12]).solution
        return (inputs[300:] @ weights - at[300:, 12])[blank[300:]].square().mean().sqrt().item()

    with_past, without = error(states.belief[:, 12]), error(states.memory["alone"][:, 12])
    assert with_past < 0.35 * without
