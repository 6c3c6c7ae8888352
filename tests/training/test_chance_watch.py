"""A latent variable collapses in two ways; models that are made to do so are found out, and a healthy one is left alone."""

from dataclasses import replace

import pytest
import torch
from forks import forked, trained

from telos.agent.world_model import DiscreteCodeConfig, GaussianCodeConfig
from telos.training import CollapseWatch, Health
from telos.training.diagnostics import health_of

HEALTHY = Health(deviations=(1.0,) * 4, effective_rank=4.0, error=0.1, nothing_moves=0.5, information=0.7, explained_error=0.01, blind_error=0.8)


def health(model):
    windows, actions = forked(300, seed=5)
    return health_of(model, model.encode_window(windows, actions), actions)


def best_of(model, num):
    """Error of the best of `num` futures from the prior, and of the likeliest one."""
    windows, actions = forked(300, seed=6)
    start = model.observe(None, None, windows[:, 0])
    many = model.futures(start, 3, num, torch.Generator().manual_seed(0))
    with torch.no_grad():
        ahead = model.rollout(many, actions.repeat_interleave(num, dim=0)).latent.unflatten(0, (-1, num))
        errors = (ahead - windows[:, None, 1:]).square().mean(dim=(2, 3))
        likeliest = (model.rollout(start, actions).latent - windows[:, 1:]).square().mean(dim=(1, 2))
    return errors.amin(dim=1).mean().item(), likeliest.mean().item()


def test_a_latent_variable_that_does_its_work_is_left_alone():
    model = trained(DiscreteCodeConfig(num_codes=3, width=32, price=0.05))
    found = health(model)
    assert CollapseWatch().chance(found) == ""
    assert found.gain > 0.8
    assert 0.3 < found.information < 1.0
    assert found.blind_error > 0.3
    best, likeliest = best_of(model, 16)
    assert best < 0.3 * likeliest


@pytest.mark.parametrize(
    "chance",
    [DiscreteCodeConfig(num_codes=3, width=32, price=50.0), GaussianCodeConfig(num_numbers=2, width=32, price=50.0)],
    ids=["code", "numbers"],
)
def test_a_price_far_too_high_makes_a_model_ignore_its_latent_variable(chance):
    model = trained(chance, steps=150)
    found = health(model)
    assert found.information < 0.02
    assert abs(found.gain) < 0.02
    assert "ignored" in CollapseWatch().chance(found)


def test_without_a_price_numbers_tell_everything_and_futures_are_worth_nothing():
    model = trained(GaussianCodeConfig(num_numbers=8, width=64, price=0.0), steps=300)
    found = health(model)
    assert found.gain > 0.8
    assert found.blind_error < CollapseWatch().least_blind_error
    assert "tells everything" in CollapseWatch().chance(found)
    assert found.information > 2
    # What was told after the fact cannot be drawn before it: a healthy model's best future is nearer than 0.3.
    best, likeliest = best_of(model, 16)
    assert best > 0.35 * likeliest


def test_what_is_said_of_it_is_a_warning_and_stops_nothing():
    watch, history = CollapseWatch(), []
    ignored = replace(HEALTHY, explained_error=HEALTHY.error, information=0.0)
    said = [watch.check(history, ignored) for _ in range(3 * watch.long_patience)]
    assert said[: watch.grace] == [""] * watch.grace
    assert all("ignored" in sentence for sentence in said[watch.grace :])
    assert history == [""] * len(said)


def test_a_real_collapse_is_said_first():
    watch = CollapseWatch(grace=0)
    lost = replace(HEALTHY, effective_rank=1.0, explained_error=HEALTHY.error)
    assert "directions" in watch.check([], lost)


def test_metrics_tell_of_it_and_are_empty_for_models_without():
    told = HEALTHY.to_json()
    assert {name: told[name] for name in ("information", "explained_error", "blind_error")} == {
        "information": 0.7,
        "explained_error": 0.01,
        "blind_error": 0.8,
    }
    assert told["gain"] == pytest.approx(0.9)
    without = health(trained(None, steps=2)).to_json()
    assert all(without[name] is None for name in ("information", "explained_error", "blind_error", "gain"))
