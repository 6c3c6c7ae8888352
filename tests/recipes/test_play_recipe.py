"""The recipe for what hides and comes back."""

from dataclasses import replace

from tiny_runs import collect_logs

from telos.data import Episodes
from telos.recipes import STANDARD
from telos.recipes.experiment import load_world_model, train


def test_it_remembers_and_is_trained_on_what_follows_some_frames_that_are_seen_however_short_episodes_are(tmp_path):
    path = collect_logs(tmp_path / "logs", "playroom", episodes=24, steps=10)
    recipe = STANDARD["play"](Episodes.open(path))
    assert recipe.world_model.predictor.build(latent_size=4, scenery_size=0, action_size=1).hidden_size > 0
    for phase in recipe.curriculum.phases:
        assert 1 < phase.seen < phase.window <= 10
    short = tuple(replace(phase, num_steps=4, batch_size=8) for phase in recipe.curriculum.phases)
    small = replace(recipe, curriculum=replace(recipe.curriculum, phases=short, log_every=4))
    assert load_world_model(train(path, tmp_path / "run", recipe=small)).latent_size == recipe.world_model.latent_size
