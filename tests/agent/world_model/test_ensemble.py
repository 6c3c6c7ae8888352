"""Promises of predictors side by side."""

import pytest
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import EnsemblePredictor, EnsemblePredictorConfig, JEPAConfig, MLPPredictorConfig, ensemble
from telos.core.errors import ConfigError
from telos.core.spaces import Spaces, VectorSpace

LATENT, SCENERY, ACTION = 6, 2, 3
MEMBERS = 4


def built(**sizes) -> EnsemblePredictor:
    torch.manual_seed(0)
    config = EnsemblePredictorConfig(num_members=MEMBERS, member=MLPPredictorConfig(width=16, **sizes))
    return config.build(latent_size=LATENT, scenery_size=SCENERY, action_size=ACTION)


def alone(whole: EnsemblePredictor):
    """Each member as the predictor that it would be by itself."""
    members = []
    for number in range(MEMBERS):
        member = MLPPredictorConfig(width=16).build(latent_size=LATENT, scenery_size=SCENERY, action_size=ACTION)
        own = [part.detach().chunk(MEMBERS)[number] for layer in whole.layers for part in (layer.weight, layer.bias)]
        for into, weights in zip(member.parameters(), own, strict=True):
            into.data.copy_(weights)
        members.append(member.eval())
    return members


def inputs(rows: int, horizon: int = 5):
    generator = torch.Generator().manual_seed(1)
    start = (torch.randn(rows, size, generator=generator) for size in (LATENT, 0, SCENERY))
    return (*start, torch.randn(rows, horizon, ACTION, generator=generator))


@pytest.mark.parametrize("in_turns", [True, False])
def test_the_next_latent_is_the_mean_of_the_members_and_disagreement_their_variance(monkeypatch, in_turns):
    monkeypatch.setattr(ensemble, "_takes_turns", lambda known: in_turns)
    whole = built().eval()
    latent, hidden, scenery, actions = inputs(7)
    found = whole.unroll(latent, hidden, scenery, actions)
    for time, action in enumerate(actions.unbind(1)):
        each = torch.stack([member(latent, hidden, scenery, action)[0] for member in alone(whole)])
        torch.testing.assert_close(whole(latent, hidden, scenery, action)[0], each.mean(dim=0))
        latent = each.mean(dim=0)
        torch.testing.assert_close(found.latents[:, time], latent)
        torch.testing.assert_close(found.disagreement[:, time], each.var(dim=0, correction=0).mean(dim=1))


def test_members_that_are_alike_agree():
    whole = built().eval()
    for layer in whole.layers:
        for part in (layer.weight, layer.bias):
            part.data.copy_(part.data.chunk(MEMBERS)[0].repeat(MEMBERS, *[1] * (part.ndim - 1)))
    assert whole.unroll(*inputs(7)).disagreement.max() < 1e-12
    assert built().eval().unroll(*inputs(7)).disagreement.min() > 1e-6


@pytest.mark.parametrize("rows", [1, 3, 8, 10])
@pytest.mark.parametrize("in_turns", [True, False])
def test_in_training_a_whole_rollout_goes_through_one_member_whatever_the_number_of_rows(monkeypatch, rows, in_turns):
    monkeypatch.setattr(ensemble, "_takes_turns", lambda known: in_turns)
    whole = built().train()
    start, share = inputs(rows), -(-rows // MEMBERS)
    found = whole.unroll(*start)
    assert found.disagreement is None
    for row in range(rows):
        own = alone(whole)[row // share].unroll(*(part[row : row + 1] for part in start))
        torch.testing.assert_close(found.latents[row : row + 1], own.latents)


def test_a_row_of_training_teaches_its_member_alone():
    whole = built().train()
    latent, hidden, scenery, actions = inputs(2 * MEMBERS)
    whole(latent, hidden, scenery, actions[:, 0])[0][2].sum().backward()
    taught = [[bool(slope.abs().sum() > 0) for slope in layer.weight.grad.chunk(MEMBERS)] for layer in whole.layers]
    assert taught == [[False, True, False, False]] * len(taught)


def test_members_begin_apart_and_layers_are_counted_as_what_they_are():
    whole = built(depth=3)
    first, second = whole.layers[0].weight.chunk(MEMBERS)[:2]
    assert not torch.equal(first, second)
    model = JEPAConfig(encoder=EncoderConfig(), latent_size=LATENT, predictor=EnsemblePredictorConfig(num_members=MEMBERS)).build(
        Spaces(VectorSpace(5), VectorSpace(2, (-1, -1), (1, 1)))
    )
    assert model.step_products == MEMBERS * (256 * (LATENT + 2) + 256 * 256 + LATENT * 256)


def test_a_rollout_of_the_model_tells_the_disagreement():
    model = JEPAConfig(encoder=EncoderConfig(), latent_size=LATENT, predictor=EnsemblePredictorConfig()).build(
        Spaces(VectorSpace(5), VectorSpace(2, (-1, -1), (1, 1)))
    )
    state = model.eval().observe(None, None, torch.randn(3, 5))
    rollout = model.rollout(state, torch.rand(6, 4, 2))
    assert rollout.disagreement.shape == (6, 4) and (rollout.disagreement > 0).all()
    assert rollout.select(slice(0, 2)).disagreement.shape == (2, 4)


def test_it_disagrees_where_it_has_seen_nothing():
    """Points move by a wave of their place; half of the line was never seen."""
    torch.manual_seed(0)
    whole = EnsemblePredictorConfig(member=MLPPredictorConfig(width=32)).build(latent_size=1, scenery_size=0, action_size=1).train()
    optimizer = torch.optim.Adam(whole.parameters(), lr=3e-3)
    nothing = torch.zeros(250, 0)
    for _ in range(300):
        place, push = -2 * torch.rand(250, 1), torch.randn(250, 1)
        ahead = whole(place, nothing, nothing, push)[0]
        loss = (ahead - place - 0.5 * push * torch.sin(3 * place)).square().mean()
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    push = torch.randn(250, 1, 1)
    seen, unseen = (
        whole.eval().unroll(place, nothing, nothing, push).disagreement for place in (-2 * torch.rand(250, 1), 2 * torch.rand(250, 1) + 0.5)
    )
    above = (unseen.flatten()[:, None] > seen.flatten()).float().mean()
    assert above > 0.9, f"the area under the curve is {above:.2f}"


@pytest.mark.parametrize(("options", "match"), [({"num_members": 1}, "cannot disagree"), ({"member": MLPPredictorConfig(depth=0)}, "hidden layers")])
def test_what_could_not_disagree_is_refused(options, match):
    with pytest.raises(ConfigError, match=match):
        EnsemblePredictorConfig(**options)
