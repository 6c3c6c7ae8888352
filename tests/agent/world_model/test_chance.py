"""Latent variables: what cannot be known is inferred after the fact, and drawn before it."""

import math

import pytest
import torch
from forks import forked, model_of, trained
from torch import nn

from telos.agent.world_model import (
    DiscreteCode,
    DiscreteCodeConfig,
    GaussianCode,
    GaussianCodeConfig,
    RecurrentPredictorConfig,
)
from telos.agent.world_model.chance import energy
from telos.core.errors import ConfigError

CONFIGS = {"code": DiscreteCodeConfig(num_codes=3, width=32), "numbers": GaussianCodeConfig(num_numbers=2, width=32)}
every_chance = pytest.mark.parametrize("chance", CONFIGS.values(), ids=CONFIGS.keys())


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def coded():
    return trained(DiscreteCodeConfig(num_codes=3, width=32, price=0.05)).requires_grad_(False)


def test_a_model_that_is_certain_says_the_mean_which_never_happens():
    model = trained(None, steps=200)
    windows, actions = forked(200)
    rose = (model.rollout(model.observe(None, None, windows[:, 0]), actions[:, :1]).latent[:, 0] - windows[:, 0])[:, 1]
    assert (rose - 0.4).abs().mean() < 0.2


def test_the_futures_of_a_model_with_a_code_are_those_of_the_fork_and_nothing_between(coded):
    windows, actions = forked(200)
    many = coded.futures(coded.observe(None, None, windows[:, 0]), 3, 50, seeded())
    ahead = coded.rollout(many, actions.repeat_interleave(50, dim=0)).latent
    rose = (ahead[:, 0] - windows[:, 0].repeat_interleave(50, dim=0))[:, 1]
    up, down = (rose - 1).abs() < 0.25, (rose + 1).abs() < 0.25
    assert (up | down).float().mean() > 0.95
    assert up.float().mean() == pytest.approx(0.7, abs=0.1)


def test_what_happened_is_explained_and_tells_as_much_as_the_fork_does(coded):
    windows, actions = forked(400)
    states = coded.encode_window(windows, actions)
    told = coded.explain(states.at(0), states, actions)
    assert (told.latent - windows[:, 1:]).square().mean() < 0.05
    assert (coded.rollout(states.at(0), actions).latent - windows[:, 1:]).square().mean() > 0.3
    entropy = -(0.7 * math.log(0.7) + 0.3 * math.log(0.3))
    assert told.information.mean() == pytest.approx(entropy, abs=0.15)


def test_without_noise_the_likeliest_code_is_drawn(coded):
    windows, actions = forked(100)
    start = coded.observe(None, None, windows[:, 0])
    rose = (coded.step(start, actions[:, 0]).latent - windows[:, 0])[:, 1]
    assert ((rose - 1).abs() < 0.25).all()


def test_the_same_luck_meets_every_candidate(coded):
    windows, _ = forked(1)
    many = coded.futures(coded.observe(None, None, windows[:, 0]), 3, 20, seeded())
    left, right = (coded.rollout(many, torch.full((20, 3, 1), push)).latent for push in (-1.0, 1.0))
    # The fork does not ask what is done, so that candidates differ by what they do alone.
    assert ((left[..., 1] - right[..., 1]).abs() < 0.5).float().mean() > 0.85


@pytest.mark.slow
def test_a_belief_that_is_carried_on_remembers_a_chance_that_lasts():
    chance = DiscreteCodeConfig(num_codes=3, width=32, price=0.05)
    model = trained(chance, steps=700, predictor=RecurrentPredictorConfig(width=32), persists=True)
    windows, actions = forked(400, persists=True)
    state = model.observe(None, None, windows[:, 0])
    errors = []
    for time in range(3):
        errors.append((model.step(state, actions[:, time]).latent - windows[:, time + 1])[:, 1].square().mean())
        state = model.observe(state, actions[:, time], windows[:, time + 1])
    # Nobody knows the first step; who has seen it knows the others.
    assert errors[0] > 0.5
    assert errors[2] < 0.25 * errors[0]


def linear_predict(matrix):
    return lambda z: z @ matrix


def test_all_codes_are_tried_and_the_best_one_is_taken():
    chance = DiscreteCode(DiscreteCodeConfig(num_codes=4, price=0.0), context_size=3).eval()
    matrix = torch.randn(4, 2, generator=seeded())
    targets = matrix[[2, 0, 3]] + 0.01
    found = chance.infer(torch.zeros(3, 3), targets, linear_predict(matrix))
    assert found.z.argmax(dim=1).tolist() == [2, 0, 3]
    torch.testing.assert_close(found.information, torch.full((3,), math.log(4)))


def test_a_code_is_worth_its_price_or_is_not_taken():
    config = DiscreteCodeConfig(num_codes=2, price=0.1)
    chance = DiscreteCode(config, context_size=1).eval()
    with torch.no_grad():
        chance.prior[-1].bias.copy_(torch.tensor([3.0, 0.0]))
    matrix, context = torch.tensor([[0.0], [1.0]]), torch.zeros(2, 1)
    # The second code saves 0.2 and then 0.6 of the energy; it costs 3 nats more than the first.
    found = chance.infer(context, torch.tensor([[0.6], [0.8]]), linear_predict(matrix))
    assert found.z.argmax(dim=1).tolist() == [0, 1]


def test_draws_follow_the_prior():
    chance = DiscreteCode(DiscreteCodeConfig(num_codes=3), context_size=1)
    shares = torch.tensor([0.6, 0.3, 0.1])
    with torch.no_grad():
        chance.prior[-1].bias.copy_(shares.log())
    noise = chance.noise(20_000, 1, seeded())[:, 0]
    drawn = chance.draw(torch.zeros(20_000, 1), noise).mean(dim=0)
    torch.testing.assert_close(drawn, shares, atol=0.02, rtol=0)
    assert chance.draw(torch.zeros(1, 1), None).argmax() == 0
    assert chance.draw(torch.zeros(1, 1), torch.zeros(1, 1)).argmax() == 0


def test_where_no_code_makes_a_difference_they_take_turns_in_training():
    chance = DiscreteCode(DiscreteCodeConfig(num_codes=4), context_size=1)
    found = chance.infer(torch.zeros(8, 1), torch.ones(8, 2), lambda z: torch.zeros(len(z), 2))
    assert found.z.sum(dim=0).tolist() == [2, 2, 2, 2]


def test_numbers_are_refined_downhill_and_never_made_worse():
    torch.manual_seed(0)
    matrix, context, targets = torch.randn(2, 3), torch.randn(64, 4), torch.randn(64, 3)
    predict = linear_predict(matrix)

    def lowered(refinements):
        torch.manual_seed(1)
        chance = GaussianCode(GaussianCodeConfig(num_numbers=2, price=0.0, refinements=refinements), context_size=4, latent_size=3).eval()
        return energy(predict(chance.infer(context, targets, predict).z), targets)

    guessed, refined = lowered(0), lowered(6)
    assert (refined <= guessed + 1e-6).all()
    assert refined.mean() < 0.8 * guessed.mean()


def test_numbers_that_tell_nothing_new_cost_nothing_and_others_do():
    torch.manual_seed(0)
    chance = GaussianCode(GaussianCodeConfig(num_numbers=2, refinements=0), context_size=4, latent_size=3).eval()
    context, targets = torch.randn(16, 4), torch.randn(16, 3)
    assert (chance.infer(context, targets, lambda z: targets).information > 0).all()
    nn.init.zeros_(chance.posterior[-1].weight)
    nn.init.zeros_(chance.posterior[-1].bias)
    torch.testing.assert_close(chance.infer(context, targets, lambda z: targets).information, torch.zeros(16))


def test_noise_in_training_goes_on_where_a_checkpoint_left_it():
    def one():
        torch.manual_seed(0)
        return GaussianCode(GaussianCodeConfig(refinements=0), context_size=4, latent_size=3)

    context, targets = torch.randn(8, 4, generator=seeded()), torch.randn(8, 3, generator=seeded(1))
    run = one()
    first, second = (run.infer(context, targets, lambda z: z[:, :3]).z for _ in range(2))
    assert not torch.equal(first, second)
    resumed, before = one(), one()
    before.infer(context, targets, lambda z: z[:, :3])
    resumed.load_state_dict(before.state_dict())
    torch.testing.assert_close(resumed.infer(context, targets, lambda z: z[:, :3]).z, second)


def test_every_step_is_met_by_its_share_of_bad_luck():
    # A search would find the step at which none was drawn, and act just then.
    chance = DiscreteCode(DiscreteCodeConfig(num_codes=2), context_size=1)
    with torch.no_grad():
        chance.prior[-1].bias.copy_(torch.tensor([0.75, 0.25]).log())
    noise = chance.noise(16, 50, seeded())
    drawn = torch.stack([chance.draw(torch.zeros(16, 1), noise[:, step])[:, 1].sum() for step in range(50)])
    assert (drawn == 4).all()
    # And no future has bad luck for ever: who is met by it is drawn anew.
    assert len(set(chance.draw(torch.zeros(50, 1), noise[0]).argmax(dim=1).tolist())) == 2


@every_chance
def test_noise_depends_on_its_generator_alone(chance):
    part = chance.build(context_size=3, latent_size=2)
    one, again, other = (part.noise(5, 4, seeded(seed)) for seed in (0, 0, 1))
    assert one.shape == (5, 4, part.noise_size)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_model_without_chance_is_what_it_was():
    model = model_of(None)
    state = model.observe(None, None, torch.zeros(2, 2))
    assert model.futures(state, 3, 4, seeded()) is None
    assert set(state.memory) == {"hidden", "scenery"}
    assert model.explain(state, model.encode_window(*forked(2)), forked(2)[1]).information is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DiscreteCodeConfig(num_codes=1), "1 codes"),
        (lambda: DiscreteCodeConfig(price=-1.0), "price"),
        (lambda: GaussianCodeConfig(num_numbers=0), "0 numbers"),
        (lambda: GaussianCodeConfig(rate=0.0), "steps of 0"),
        (lambda: GaussianCodeConfig(width=0), "0 neurons"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(ConfigError, match=words):
        make()
