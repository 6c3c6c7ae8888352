import logs_with_flaws as flaws
import pytest
import tiny_runs
import torch
from plane import Adds

from telos.data import Episodes, split
from telos.evaluation.offline.inverse import inverse_dynamics
from telos.recipes import default


def judged(folder, episodes, model=None):
    return inverse_dynamics(model or Adds(), *split(flaws.write(folder / "logs", episodes), 0.4, 0), num_pairs=400)


def test_actions_that_add_to_the_place_are_read_from_two_places(tmp_path):
    found = judged(tmp_path, flaws.sound())
    assert found.latents.low > 0.98 and found.frames.low > 0.98 and min(found.by_number) > 0.98
    assert found.one_frame.high < 0.1 and found.shuffled < 0.1


def test_mixed_up_actions_cannot_be_read(tmp_path):
    found = judged(tmp_path, flaws.shuffled())
    assert found.best.high < 0.1


def test_a_model_that_sees_nothing_does_not_hide_what_the_frames_show(tmp_path):
    found = judged(tmp_path, flaws.sound(), Adds(encode=lambda position: 0 * position))
    assert found.latents.high < 0.1 and found.frames.low > 0.98 and found.best == found.frames


def test_a_habit_is_foretold_from_the_place_alone(tmp_path):
    assert judged(tmp_path, flaws.habitual()).one_frame.low > 0.9


def test_a_number_that_never_changes_does_not_count(tmp_path):
    found = judged(tmp_path, flaws.lame())
    assert found.best.low > 0.98


@pytest.mark.parametrize("spaces", [tiny_runs.DISCRETE, tiny_runs.TREE], ids=["choices", "camera"])
def test_choices_and_cameras_are_read_too(tmp_path, spaces):
    logs = Episodes.open(tiny_runs.walk_logs(tmp_path / "logs", spaces, episodes=60, steps=12))
    torch.manual_seed(0)
    moments = {
        name: logs.moments(name) for name in ("action", "observation", "observation/camera", "observation/proprio") if name in logs.column_names
    }
    model = default(logs).world_model.build(logs.spaces, moments)
    found = inverse_dynamics(model.eval(), *split(logs, 0.3, 0), num_pairs=400)
    assert found.measure == ("accuracy" if spaces is tiny_runs.DISCRETE else "R2")
    assert found.best.low > found.shuffled + 0.4
    assert 0.2 <= found.shuffled + found.one_frame.value <= 0.7 if spaces is tiny_runs.DISCRETE else found.one_frame.value < 0.2
