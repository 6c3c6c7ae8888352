"""What is fitted in closed form is the optimum, and what is folded needs more than a straight line."""

import pytest
import torch

from telos.agent.readouts import KernelRidgeReadoutConfig, PerceptronReadoutConfig
from telos.teaching.readouts.distillation import fit_perceptron
from telos.teaching.readouts.ridge import Labelled, Scale, fit_kernel_ridge, fit_linear

NAMES = {"name": "position", "unit": ""}


def folded(num: int, seed: int = 0) -> Labelled:
    """A quantity in [-1, 1] squared, and beliefs that are bent around so that no straight line reads it."""
    generator = torch.Generator().manual_seed(seed)
    places = 2 * torch.rand(num, 2, generator=generator) - 1
    x, y = places.unbind(1)
    # The third number is constant, and the fifth far from 0.
    beliefs = torch.stack([torch.cos(3 * x), torch.sin(3 * x), torch.ones(num), y + 0.3 * x * y, 50 + 2 * x * y], dim=1)
    return Labelled(beliefs=beliefs, values=places.double(), episodes=torch.arange(num) // 10)


def rms(readout, labelled: Labelled) -> float:
    with torch.no_grad():
        return float((readout(labelled.beliefs) - labelled.values).square().mean().sqrt())


def kernel(labelled: Labelled, num_centres: int = 200, seed: int = 0):
    config = KernelRidgeReadoutConfig(num_centres=num_centres)
    return fit_kernel_ridge(labelled, Scale.of(labelled.beliefs.double()), config=config, **NAMES, generator=torch.Generator().manual_seed(seed))


def test_a_linear_quantity_is_read_exactly_by_a_linear_readout():
    generator = torch.Generator().manual_seed(0)
    beliefs, slopes = torch.randn(200, 4, generator=generator), torch.randn(4, 2, generator=generator)
    labelled = Labelled(beliefs=beliefs, values=(beliefs @ slopes + 7).double(), episodes=torch.arange(200) // 20)
    readout, error = fit_linear(labelled, Scale.of(beliefs.double()), **NAMES)
    assert rms(readout, labelled) < 1e-4 and error < 1e-6


def test_a_kernel_reads_what_is_folded_from_300_labels_and_a_straight_line_does_not():
    labelled, others = folded(300), folded(500, seed=1)
    linear, _ = fit_linear(labelled, Scale.of(labelled.beliefs.double()), **NAMES)
    readout, _ = kernel(labelled)
    assert rms(readout, others) < 0.05 < 0.15 < rms(linear, others)


def test_the_error_on_left_out_episodes_tells_of_others():
    labelled = folded(300)
    readout, error = kernel(labelled)
    spread = labelled.values.std()
    assert rms(readout, folded(500, seed=1)) == pytest.approx(error**0.5 * float(spread), rel=1.0, abs=5e-3)


@pytest.mark.parametrize("num", [24, 30, 300])
def test_centres_are_never_more_than_there_are_labels_or_than_were_asked_for(num):
    readout, _ = kernel(folded(num), num_centres=100)
    assert len(readout.centres) == min(num, 100)


def test_frames_of_a_single_episode_can_be_learned_from():
    labelled = folded(60)
    alone = Labelled(beliefs=labelled.beliefs, values=labelled.values, episodes=torch.zeros(60, dtype=torch.int64))
    readout, error = kernel(alone)
    assert rms(readout, folded(200, seed=1)) < 0.3 and error > 0


def test_the_same_seed_fits_the_same_readout():
    one, two = kernel(folded(100))[0], kernel(folded(100))[0]
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values()))


def test_labels_that_are_all_alike_are_read_as_what_they_are():
    labelled = folded(50)
    alike = Labelled(beliefs=labelled.beliefs, values=torch.full((50, 1), 3.0, dtype=torch.float64), episodes=labelled.episodes)
    for readout, _ in (kernel(alike), fit_linear(alike, Scale.of(alike.beliefs.double()), **NAMES)):
        assert rms(readout, alike) < 1e-4


def test_a_perceptron_says_what_its_teacher_says_where_nobody_labelled():
    labelled, others = folded(300), folded(4000, seed=2).beliefs
    teacher, _ = kernel(labelled)
    scale = Scale.of(torch.cat([labelled.beliefs, others]).double())
    before = torch.random.get_rng_state()
    fit = {"config": PerceptronReadoutConfig(), "seed": 3, "num_steps": 1000}
    student = fit_perceptron(labelled, others, teacher, scale, **fit)
    assert torch.equal(torch.random.get_rng_state(), before), "nobody else's chance is disturbed"
    fresh = folded(500, seed=1)
    with torch.no_grad():
        assert float((student(fresh.beliefs) - teacher(fresh.beliefs)).square().mean().sqrt()) < 0.05
    assert rms(student, fresh) < 0.06
