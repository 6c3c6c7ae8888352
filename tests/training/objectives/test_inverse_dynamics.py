import numpy as np
import pytest
import torch
from batches import random_latents, term_of

from telos.core.spaces import DiscreteSpace, Spaces, VectorSpace
from telos.training.objectives import InverseDynamics

BOUNDED = VectorSpace(2, (-0.5, -2.0), (0.5, 2.0))


def head_for(action, size: int = 5):
    torch.manual_seed(0)
    return InverseDynamics(width=32).head(Spaces(VectorSpace(3), action), size)


def test_of_vectors_is_the_mean_squared_error_in_units_of_half_the_range():
    head, latents = head_for(BOUNDED), random_latents().float()
    actions = torch.rand(12, 3, 2) - 0.5
    with torch.no_grad():
        read = head.read(torch.cat([latents[:, :-1], latents[:, 1:]], dim=-1)).numpy()
    expected = np.square(read - actions.numpy() / [0.5, 2.0]).mean()
    assert term_of(InverseDynamics(), latents, actions=actions, head=head).item() == pytest.approx(expected, rel=1e-5)


def test_the_unit_of_the_actions_makes_no_difference():
    wide = VectorSpace(2, (-5.0, -20.0), (5.0, 20.0))
    latents, actions = random_latents().float(), torch.rand(12, 3, 2) - 0.5
    ours = term_of(InverseDynamics(), latents, actions=actions, head=head_for(BOUNDED))
    theirs = term_of(InverseDynamics(), latents, actions=10 * actions, head=head_for(wide))
    torch.testing.assert_close(ours, theirs)


def test_of_choices_is_the_cross_entropy():
    head, latents = head_for(DiscreteSpace(4)), random_latents().float()
    actions = torch.randint(4, (12, 3, 1), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        read = head.read(torch.cat([latents[:, :-1], latents[:, 1:]], dim=-1)).double().numpy().reshape(-1, 4)
    chosen = read[np.arange(len(read)), actions.numpy().reshape(-1)]
    expected = (np.log(np.exp(read).sum(axis=1)) - chosen).mean()
    assert term_of(InverseDynamics(), latents, actions=actions, head=head).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("action", [BOUNDED, DiscreteSpace(4)], ids=["vector", "choices"])
def test_is_small_only_where_the_latents_tell_the_action(action):
    def best(telling: bool) -> float:
        """The least mean of 10 terms on batches that were not trained on."""
        head, rng = head_for(action, size=2), torch.Generator().manual_seed(1)
        optimizer = torch.optim.Adam(head.parameters(), lr=5e-3)
        terms = []
        for _ in range(150):
            pushes = 2 * torch.rand(64, 1, 2, generator=rng) - 1
            start = torch.randn(64, 1, 2, generator=rng)
            seen = torch.cat([start, start + pushes if telling else torch.randn(64, 1, 2, generator=rng)], dim=1)
            discrete = isinstance(action, DiscreteSpace)
            actions = (pushes[..., :1] > 0).long() + 2 * (pushes[..., 1:] > 0) if discrete else pushes * torch.tensor([0.5, 2.0])
            term = term_of(InverseDynamics(), seen, actions=actions, head=head)
            optimizer.zero_grad()
            term.backward()
            optimizer.step()
            terms.append(term.item())
        return float(np.mean(terms[-10:]))

    chance = np.log(4) if isinstance(action, DiscreteSpace) else 1 / 3
    assert best(telling=True) < 0.3 * chance
    assert best(telling=False) > 0.85 * chance
