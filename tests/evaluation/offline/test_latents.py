import logs_with_flaws as flaws
import pytest
from plane import Adds

from telos.data import Selection
from telos.evaluation.offline.latents import judge_latents


def test_places_tell_frames_apart_and_use_both_directions(halves):
    found = judge_latents(Adds(), *halves)
    assert found.told_apart.low > 0.95 and found.told_apart_bare > 0.95
    assert found.effective_rank == pytest.approx(2, abs=0.2) and found.collapse == ""


def test_collapsed_latents_are_named_and_tell_nothing_apart(halves):
    found = judge_latents(Adds(encode=lambda position: 0 * position), *halves)
    assert found.told_apart.value == 0.5 and "hardly vary" in found.collapse
    assert found.told_apart_bare > 0.95


def test_episodes_from_elsewhere_are_unusual_and_others_are_not(halves, tmp_path):
    training, held_out = halves
    assert judge_latents(Adds(), training, held_out).unusual.low < 0.1
    far = flaws.write(tmp_path / "far", [(places + 5, actions) for places, actions in flaws.sound(10)])
    assert judge_latents(Adds(), training, Selection(far, range(10))).unusual.low > 0.9


def test_a_single_training_episode_has_nothing_to_be_compared_with(halves):
    assert judge_latents(Adds(), Selection(halves[0], [0]), halves[1]).unusual.value == 0
