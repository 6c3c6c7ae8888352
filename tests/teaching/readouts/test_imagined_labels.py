"""What is imagined is labelled by what really came, where beliefs that a frame has corrected are of another kind."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import FilteringJEPAConfig
from telos.recipes.knowledge import load_world_model
from telos.teaching.readouts import teach
from telos.teaching.readouts.beliefs import actions_after, imagine, states_at
from telos.teaching.readouts.fidelity import read_held_out
from telos.teaching.readouts.lesson import dreamt_beliefs, plan_lesson
from telos.teaching.readouts.sources import find_labels

HORIZON = 5


@pytest.fixture
def lesson(pupil):
    found = find_labels(pupil, column="position")
    return plan_lesson(found.logs, found.labels, found.held_out, num_labels=None, horizon=HORIZON, seed=0)


def test_each_imagined_belief_is_labelled_by_where_its_actions_really_led(pupil, point_logs, lesson):
    model = load_world_model(pupil)
    dreamt, dreams = dreamt_beliefs(model, lesson), lesson.dreams
    assert len(dreamt) == len(dreams) * HORIZON
    for row in (0, len(dreams) // 2, len(dreams) - 1):
        episode, frame = int(dreams.episodes[row]), int(dreams.frames[row])
        rows = slice(row * HORIZON, (row + 1) * HORIZON)
        assert np.allclose(dreamt.values[rows], point_logs.info("position", episode)[frame + 1 : frame + 1 + HORIZON])
        assert set(dreamt.episodes[rows].tolist()) == {episode}
    beliefs = imagine(model, states_at(model, lesson.logs, dreams), actions_after(lesson.logs, dreams, HORIZON))
    assert torch.equal(dreamt.beliefs, beliefs.flatten(0, 1))


def test_single_labelled_frames_do_not_say_what_came(pupil, lesson):
    assert dreamt_beliefs(load_world_model(pupil), replace(lesson, labels=replace(lesson.labels, dense=False))) is None


def test_of_a_model_that_filters_imagined_beliefs_are_read_better_for_it(point_logs, lesson):
    torch.manual_seed(0)
    model = FilteringJEPAConfig(encoder=EncoderConfig(), latent_size=4, belief_size=12, width=16).build(point_logs.spaces)
    model.eval().requires_grad_(False)
    errors = []
    for model.filters in (False, True):
        readout = teach._fit(model, lesson, "linear", name="position", seed=0).readout
        reading = read_held_out(readout, model, lesson)
        errors.append(float(np.sqrt(np.mean(np.square(reading.imagined - reading.ahead)))))
    assert errors[1] < 0.8 * errors[0]
