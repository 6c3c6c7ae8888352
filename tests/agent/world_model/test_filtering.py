"""A belief is carried through frames that show nothing."""

import numpy as np
import pytest
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import FilteringJEPAConfig
from telos.core.errors import ConfigError
from telos.core.spaces import Spaces, VectorSpace
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


def test_what_frames_alone_show_is_where_a_goal_lands():
    made = model().eval()
    seen = torch.rand(5, 3)
    with torch.no_grad():
        goal = made.observe(None, None, seen)
        codes = made.encode_frames(seen)
    assert torch.allclose(goal.latent, codes[:, :6], atol=1e-6)
    assert torch.equal(goal.latent, goal.memory["alone"])


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
    for _ in range(900):
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
