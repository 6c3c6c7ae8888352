"""The smallest world with a fork, and models that learn it in seconds: at each step a point goes up or down, nobody knows why."""

import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, MLPPredictorConfig
from telos.core.spaces import Spaces, VectorSpace
from telos.training.learner import Learner
from telos.training.objectives import LatentInformation, Prediction

SPACES = Spaces(VectorSpace(2), VectorSpace(1, (-1,), (1,)))


def model_of(chance, predictor=None, seed=0):
    torch.manual_seed(seed)
    config = JEPAConfig(encoder=EncoderConfig(), latent_size=2, predictor=predictor or MLPPredictorConfig(width=32), chance=chance)
    model = config.build(SPACES)
    # What is seen is the latent: only the dynamics are of interest here.
    model.encoder.forward = lambda observation: observation
    return model


def forked(num, seed=0, persists=False):
    """Windows `[num 4 2]` of a point that at each step goes up or down, nobody knows why, and as far right as it is pushed."""
    generator = torch.Generator().manual_seed(seed)
    actions = torch.rand(num, 3, 1, generator=generator) * 2 - 1
    ways = torch.where(torch.rand(num, 1 if persists else 3, generator=generator) < 0.7, 1.0, -1.0).expand(num, 3)
    path = torch.stack([actions[..., 0], ways], dim=2).cumsum(dim=1)
    start = torch.randn(num, 1, 2, generator=generator)
    return torch.cat([start, start + path], dim=1), actions


def trained(chance, steps=300, predictor=None, weight=None, persists=False, rate=3e-3):
    model = model_of(chance, predictor)
    told = () if chance is None else (LatentInformation(weight=chance.price if weight is None else weight),)
    learner = Learner(model, (Prediction(), *told))
    optimizer = torch.optim.Adam(learner.parameters(), rate)
    for step in range(steps):
        windows, actions = forked(64, 1000 + step, persists)
        loss, _ = learner(windows, actions, torch.zeros(len(windows), dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
