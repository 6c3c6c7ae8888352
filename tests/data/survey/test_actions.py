import numpy as np
import pytest

from telos.core.spaces import DiscreteSpace, Spaces, VectorSpace
from telos.data import Episodes, EpisodeWriter
from telos.data.survey.actions import action_use


def use(path, space, actions):
    with EpisodeWriter(path, Spaces(VectorSpace(1), space)) as writer:
        writer.add(np.zeros((len(actions) + 1, 1)), actions)
    return action_use(Episodes.open(path))


def test_the_used_share_of_each_range_is_told(tmp_path):
    actions = np.random.default_rng(0).uniform((-1, 0, 0.5), (1, 1, 0.5), (5000, 3))
    found = use(tmp_path / "logs", VectorSpace(3, (-1.0,) * 3, (1.0,) * 3), actions)
    assert [number.used for number in found.numbers] == pytest.approx([1.0, 0.5, 0.1])
    assert found.dead == (2,) and found.box == pytest.approx(10 * 5 / 1000)


def test_the_padding_does_not_count(tmp_path):
    found = use(tmp_path / "logs", VectorSpace(1, (-1.0,), (1.0,)), np.full((50, 1), 0.95))
    assert found.numbers[0].least == found.numbers[0].most == pytest.approx(0.95) and found.num_steps == 50


def test_without_bounds_there_is_no_share(tmp_path):
    found = use(tmp_path / "logs", VectorSpace(1), np.random.default_rng(0).normal(size=(50, 1)))
    assert found.numbers[0].used is None and found.box is None


def test_steps_outside_of_the_bounds_are_counted(tmp_path):
    found = use(tmp_path / "logs", VectorSpace(1, (-1.0,), (1.0,)), np.array([[0.0], [2.0], [-3.0], [1.0]]))
    assert found.numbers[0].outside == 0.5


def test_choices_have_their_frequencies(tmp_path):
    found = use(tmp_path / "logs", DiscreteSpace(4), np.array([0, 0, 0, 1, 3, 3])[:, None])
    assert [choice.used for choice in found.numbers] == pytest.approx([1 / 2, 1 / 6, 0, 1 / 3])
    assert found.discrete and found.dead == (2,)
