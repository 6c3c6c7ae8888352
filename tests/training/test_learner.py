from dataclasses import dataclass, replace

import pytest
import tiny_runs
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, RecurrentPredictorConfig
from telos.core.contracts import AbstractObjective
from telos.core.errors import ConfigError
from telos.core.spaces import Spaces, VectorSpace
from telos.data import Episodes
from telos.recipes import scenery
from telos.recipes.experiment import load_world_model, train
from telos.training.learner import Learner
from telos.training.objectives import Covariance, InverseDynamics, Prediction, Variance

SPACES = Spaces(VectorSpace(3), VectorSpace(2, (-1.0, -1.0), (1.0, 1.0)))


def make_learner(*objectives: AbstractObjective) -> Learner:
    torch.manual_seed(0)
    return Learner(JEPAConfig(encoder=EncoderConfig(), latent_size=4).build(SPACES), objectives, from_codes=False)


def some_windows() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(8, 4, 3, generator=rng), 2 * torch.rand(8, 3, 2, generator=rng) - 1, torch.arange(8)


@dataclass(frozen=True, kw_only=True)
class Dtypes(AbstractObjective):
    """Fails unless everything that it is given has 32 bits, and its own arithmetic too."""

    def term(self, windows, states, predictions, head):
        product = states.latent[:, 0] @ states.latent[:, 0].T
        kinds = {states.latent.dtype, states.belief.dtype, predictions.latent.dtype, product.dtype}
        assert kinds == {torch.float32}
        return product.sum()


def test_the_loss_is_the_weighted_sum_of_terms_that_are_named_and_told_unweighted():
    learner = make_learner(Prediction(weight=2.0), Variance(weight=3.0), InverseDynamics(weight=0.5))
    loss, terms = learner(*some_windows())
    assert set(terms) == {"prediction", "variance", "inverse_dynamics"}
    assert loss.item() == pytest.approx(2 * terms["prediction"].item() + 3 * terms["variance"].item() + 0.5 * terms["inverse_dynamics"].item())
    assert loss.requires_grad and not any(term.requires_grad for term in terms.values())


def test_imagining_at_each_step_is_to_predict_every_frame_from_the_one_before_it():
    torch.manual_seed(0)
    model = JEPAConfig(encoder=EncoderConfig(), latent_size=4, predictor=RecurrentPredictorConfig(width=8)).build(SPACES)
    windows = some_windows()
    _, terms = Learner(model, (Prediction(),), imagines="each step")(*windows)
    states = model.encode_window(*windows[:2])
    errors = [(model.step(states.at(time), windows[1][:, time]).latent - states.latent[:, time + 1]).square().mean() for time in range(3)]
    assert terms["prediction"].item() == pytest.approx(torch.stack(errors).mean().item(), rel=1e-5)
    _, rolled = Learner(model, (Prediction(),), imagines="rollouts")(*windows)
    assert rolled["prediction"].item() != pytest.approx(terms["prediction"].item(), rel=1e-2)


def test_a_phase_that_imagines_at_each_step_trains(logs, tmp_path):
    recipe = tiny_runs.tiny(Episodes.open(logs))
    phases = tuple(replace(phase, imagines="each step") for phase in recipe.curriculum.phases)
    runs = {
        name: train(logs, tmp_path / name, recipe=replace(recipe, curriculum=replace(recipe.curriculum, phases=part)))
        for name, part in (("rollouts", recipe.curriculum.phases), ("steps", phases))
    }
    losses = {name: [line["prediction"] for line in run.metrics()] for name, run in runs.items()}
    assert losses["rollouts"] != losses["steps"] and all(torch.tensor(losses["steps"]).isfinite())


def test_an_objective_that_is_listed_twice_is_refused():
    with pytest.raises(ConfigError, match="twice"):
        make_learner(Variance(), Variance(within_episode=True))


def test_terms_are_computed_with_all_digits_even_where_the_networks_are_not():
    learner = make_learner(Dtypes())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert learner.world_model.encode_frames(torch.zeros(2, 3)).dtype == torch.bfloat16
        loss, _ = learner(*some_windows())
    loss.backward()


def test_half_of_the_digits_in_the_networks_hardly_change_the_statistics():
    learner = make_learner(Variance(), Covariance())
    exact = learner(*some_windows())[1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        short = learner(*some_windows())[1]
    for name in exact:
        assert short[name].item() == pytest.approx(exact[name].item(), rel=0.05)


def test_scenery_is_learned_from_the_frames_that_come_with_codes():
    torch.manual_seed(0)
    model = JEPAConfig(encoder=EncoderConfig(), latent_size=4, scenery_size=3).build(SPACES)
    model.perception.requires_grad_(False)
    observations, actions, episodes = some_windows()
    with torch.no_grad():
        codes = model.encode_frames(observations.flatten(0, 1)).unflatten(0, (8, 4))
    loss, _ = Learner(model, (Prediction(),), from_codes=True)(codes, actions, episodes, observations[:, 2])
    loss.backward()
    assert model.scenery_encoder is not None
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in model.scenery_encoder.parameters())


def test_training_the_dynamics_goes_on_to_train_the_encoder_of_scenery(tmp_path):
    logs = tiny_runs.collect_logs(tmp_path / "logs", "two-rooms", layout="random", size=16)
    recipe = tiny_runs.shrink(scenery(Episodes.open(logs)))
    together = recipe.curriculum.phases[0]
    short = replace(recipe, curriculum=replace(recipe.curriculum, phases=(together,)))
    before, after = (load_world_model(train(logs, tmp_path / name, recipe=part)) for name, part in (("short", short), ("whole", recipe)))
    assert all(torch.equal(a, b) for a, b in zip(before.encoder.parameters(), after.encoder.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(before.scenery_encoder.parameters(), after.scenery_encoder.parameters(), strict=True))


def test_after_the_frames_that_are_seen_the_rest_of_a_window_is_imagined_from_what_is_believed_then():
    torch.manual_seed(0)
    model = JEPAConfig(encoder=EncoderConfig(), latent_size=4, predictor=RecurrentPredictorConfig(width=6)).build(SPACES)
    observations, actions, episodes = some_windows()
    states = model.encode_window(observations, actions)
    expected = (model.rollout(states.at(2), actions[:, 2:]).latent - states.latent[:, 3:]).square().mean()
    loss, _ = Learner(model, (Prediction(),), seen=3)(observations, actions, episodes)
    torch.testing.assert_close(loss, expected)
    assert not torch.isclose(loss, Learner(model, (Prediction(),))(observations, actions, episodes)[0])
