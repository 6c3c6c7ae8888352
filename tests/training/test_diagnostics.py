import math
from dataclasses import replace

import numpy as np
import pytest
import tiny_runs
import torch
from hypothesis import given
from hypothesis import strategies as st

from telos.core.errors import CollapseError
from telos.core.run import Run
from telos.core.types import Rollout, State
from telos.data import Episodes
from telos.recipes.experiment import train
from telos.training import CollapseWatch, Health
from telos.training.diagnostics import effective_rank, measure_health
from telos.training.objectives import Prediction

HEALTHY = Health(deviations=(0.9, 1.1) * 4, effective_rank=7.0, error=0.1, nothing_moves=0.5)
SICK = replace(HEALTHY, deviations=(0.001,) * 8)
WORTHLESS = replace(HEALTHY, error=1.0)


def cloud(variances, num: int = 50, seed: int = 0) -> torch.Tensor:
    """Latents with exactly this spectrum, turned at random and far from the origin."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(num, len(variances)))
    axes, _ = np.linalg.qr(drawn - drawn.mean(0))
    rotation, _ = np.linalg.qr(rng.normal(size=(len(variances), len(variances))))
    return torch.from_numpy((axes - axes.mean(0)) * np.sqrt(variances) @ rotation + 100.0)


@given(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_the_effective_rank_is_the_exponential_of_the_spectrums_entropy(variances, seed):
    share = np.array(variances) / np.sum(variances)
    assert effective_rank(cloud(variances, seed=seed)) == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-6)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_the_effective_rank_counts_directions_that_are_used_alike(rank):
    assert effective_rank(cloud([2.0] * rank + [0.0] * (8 - rank))) == pytest.approx(rank, rel=1e-6)


def test_the_effective_rank_of_equal_latents_is_zero():
    assert effective_rank(torch.full((20, 4), 3.7)) == 0


def test_health_tells_deviations_and_both_errors():
    rng = torch.Generator().manual_seed(0)
    latents, imagined = torch.randn(30, 4, 2, generator=rng) * torch.tensor([1.0, 0.1]), torch.randn(30, 3, 2, generator=rng)
    health = measure_health(State(latent=latents, belief=latents), Rollout(latent=imagined, actions=torch.zeros(30, 3, 1)))
    deviations = latents.numpy().reshape(-1, 2).std(axis=0, ddof=1)
    assert health.deviations == pytest.approx(deviations, rel=1e-5)
    assert (health.least_deviation, health.mean_deviation) == pytest.approx((deviations.min(), deviations.mean()), rel=1e-5)
    assert health.error == pytest.approx(np.square(imagined.numpy() - latents.numpy()[:, 1:]).mean(), rel=1e-5)
    assert health.nothing_moves == pytest.approx(np.square(latents.numpy()[:, :1] - latents.numpy()[:, 1:]).mean(), rel=1e-5)
    assert health.relative_error == pytest.approx(health.error / health.nothing_moves)


def test_the_watch_finds_nothing_wrong_with_healthy_latents():
    assert CollapseWatch().verdict(HEALTHY) == ""


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        ({"deviations": (0.001,) * 8}, "hardly vary"),
        ({"effective_rank": 1.1}, "use 1.1 of 8 directions"),
        ({"error": math.nan}, "no numbers any more"),
        ({"deviations": (1.0, math.inf)}, "no numbers any more"),
        ({"error": 1.0}, "worse than none"),
    ],
)
def test_the_watch_says_in_a_sentence_what_is_wrong(sign, words):
    assert words in CollapseWatch().verdict(replace(HEALTHY, **sign))


def test_where_z_is_what_was_done_predictions_are_judged_in_hindsight():
    unforeseen = replace(HEALTHY, error=1.2 * HEALTHY.nothing_moves, explained_error=0.1 * HEALTHY.nothing_moves)
    assert "worse than none" in CollapseWatch().verdict(unforeseen)
    assert CollapseWatch(in_hindsight=True).verdict(unforeseen) == ""
    ignored = replace(unforeseen, explained_error=1.2 * HEALTHY.nothing_moves)
    assert "worse than none" in CollapseWatch(in_hindsight=True).verdict(ignored)
    assert "worse than none" in CollapseWatch(in_hindsight=True).verdict(replace(unforeseen, explained_error=None))


def test_the_watch_waits_for_its_patience_then_stops_the_run():
    watch, history = CollapseWatch(patience=3, grace=2), []
    for _ in range(4):
        assert "hardly vary" in watch.check(history, SICK)
    with pytest.raises(CollapseError, match="collapsed"):
        watch.check(history, SICK)


def test_predictions_worse_than_none_are_borne_longer_but_not_for_ever():
    watch, history = CollapseWatch(patience=3, long_patience=6, grace=0), []
    for _ in range(5):
        assert "worse than none" in watch.check(history, WORTHLESS)
    with pytest.raises(CollapseError, match="leads nowhere"):
        watch.check(history, WORTHLESS)


def test_a_run_that_recovers_is_not_stopped():
    watch, history = CollapseWatch(patience=3, long_patience=4, grace=0), []
    for health in [SICK, SICK, HEALTHY, WORTHLESS, HEALTHY] * 4:
        watch.check(history, health)
    assert len(history) == 20


def only_prediction(logs):
    """No term against collapse: the cheapest latents are all equal."""
    recipe = tiny_runs.shrink(tiny_runs.tiny(logs), steps=(600, 1, 1), log_every=20, checkpoint_seconds=5.0, grace=2)
    first, *rest = recipe.curriculum.phases
    first = replace(first, objectives=(Prediction(),), learning_rate=3e-3)
    return replace(recipe, curriculum=replace(recipe.curriculum, phases=(first, *rest)))


def test_prediction_alone_collapses_which_is_told_and_then_stops_the_run(logs, tmp_path):
    warnings = []
    with pytest.raises(CollapseError) as caught:
        train(logs, tmp_path / "run", recipe=only_prediction, watcher=lambda event: warnings.append(event.warning))
    assert "latents have collapsed" in str(caught.value) and "Fix: " in str(caught.value)
    assert any("latents" in warning for warning in warnings)
    metrics = Run.open(tmp_path / "run").metrics()
    # The loss alone would have looked splendid.
    assert metrics[-1]["loss"] < 0.1 * metrics[0]["loss"]
    assert metrics[-1]["mean_deviation"] < 0.1 * metrics[0]["mean_deviation"] or metrics[-1]["effective_rank"] < 1.5


def test_the_same_run_with_its_anti_collapse_terms_is_never_warned(logs, tmp_path):
    recipe = tiny_runs.shrink(tiny_runs.tiny(Episodes.open(logs)), steps=(300, 20, 20), log_every=20, checkpoint_seconds=5.0, grace=2)
    warnings = []
    train(logs, tmp_path / "run", recipe=recipe, watcher=lambda event: warnings.append(event.warning))
    assert len(warnings) == 340 and not any(warnings)
