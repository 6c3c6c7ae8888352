"""Fits a perceptron to labels, and to what a kernel that learned from them says of everything else."""

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.readouts import PerceptronReadout, PerceptronReadoutConfig
from telos.core.layers import Linear
from telos.core.products import plain_products
from telos.core.readouts import AbstractReadout
from telos.teaching.readouts.ridge import Labelled, Scale

NUM_STEPS = 4000
BATCH_SIZE = 256
LEARNING_RATE = 1e-2
"""Measured, with the steps and the batch, on position, velocity and a pushed block: 32-32 so reads what 64-64 reads."""


def fit_perceptron(
    labelled: Labelled,
    others: Float[Tensor, "frames belief"],
    teacher: AbstractReadout,
    scale: Scale,
    *,
    config: PerceptronReadoutConfig,
    seed: int,
    num_steps: int = NUM_STEPS,
) -> PerceptronReadout:
    """A perceptron that says what the labels say, and what `teacher` says of `others`: a few hundred labels alone would not hold it.

    Args:
        others: beliefs that nobody labelled, imagined ones among them, since these are what it will read while planning.
        scale: of beliefs.

    Source: Hinton, Vinyals & Dean (2015), arXiv 1503.02531, with a kernel as the teacher.
    """
    with torch.no_grad():
        values = torch.cat([labelled.values.float(), teacher(others)])
        beliefs = scale(torch.cat([labelled.beliefs, others]).double()).float()
    target = Scale.of(labelled.values.double())
    values = target(values.double()).float()
    # Torch's own products: for layers as small as these, the others cost more than they save.
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), plain_products():
        torch.manual_seed(seed)
        student = config.build(name=teacher.name, unit=teacher.unit, size=teacher.size, belief_size=beliefs.shape[1])
        optimizer = torch.optim.Adam(student.parameters(), lr=LEARNING_RATE, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=num_steps)
        for _ in range(num_steps):
            rows = torch.randint(len(beliefs), (BATCH_SIZE,))
            loss = (student(beliefs[rows]) - values[rows]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    _absorb(student, scale, target)
    return student


@torch.no_grad()
def _absorb(student: PerceptronReadout, scale: Scale, target: Scale) -> None:
    """Puts the scales of beliefs and values into the first and the last layer, where they cost nothing."""
    layers = [layer for layer in student.map if isinstance(layer, Linear)]
    first, last = layers[0], layers[-1]
    first.weight.div_(scale.std)
    first.bias.sub_(first.weight.double() @ scale.mean)
    last.weight.mul_(target.std[:, None])
    last.bias.mul_(target.std).add_(target.mean)
