import pytest
import tiny_runs
import torch

from telos.core.errors import ConfigError
from telos.data import Episodes
from telos.recipes import transformer
from telos.recipes.experiment import load_world_model, train


def test_it_learns_to_foresee_from_a_history_of_frames(stores, tmp_path):
    recipe = transformer(stores["pixels"])
    assert recipe.world_model.predictor.history == 3
    assert [phase.imagines for phase in recipe.curriculum.phases] == ["each step", "each step", "rollouts"]
    run = train(
        stores["pixels"].path, tmp_path / "run", recipe=tiny_runs.shrink(recipe, steps=(60, 30, 10), log_every=10, checkpoint_seconds=60, grace=1000)
    )
    first, *_, last = run.metrics()
    assert last["relative_error"] < 0.1 * first["relative_error"]
    model = load_world_model(run)
    frame = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    fresh = model.observe(None, None, frame)
    later = model.observe(model.observe(None, None, frame + 200), torch.zeros(1, 2), frame)
    action = torch.full((1, 2), 0.05)
    assert not torch.allclose(model.step(fresh, action).latent, model.step(later, action).latent), "what was seen before counts"


@pytest.mark.parametrize(("size", "patch"), [(16, 4), (20, 5), (14, 2)])
def test_patches_divide_the_picture(tmp_path, size, patch):
    logs = Episodes.open(tiny_runs.collect_logs(tmp_path / "logs", "two-rooms", size=size, episodes=4))
    assert transformer(logs).world_model.encoder.pixels.patch == patch


def test_logs_without_pictures_are_refused(stores):
    with pytest.raises(ConfigError, match="sees pictures"):
        transformer(stores["vector"])
