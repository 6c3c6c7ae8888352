from dataclasses import dataclass, replace

import numpy as np
import pytest

from telos.core import config
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.spaces import PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.envs import Maze, PointMass, TwoRooms
from telos.evaluation.shifts import GROUPS, Blur, Brightness, Contrast, Hue, Lighting, Noise, Parameter, Scaled, ShiftedWorld, choose_shifts
from telos.testing import check_world

ALL = choose_shifts(["all"])
WORLD = TwoRooms(size=24)


def some_states(world, num=5):
    return world.sample(np.random.default_rng(0), num)


@dataclass(frozen=True, kw_only=True)
class WithReadings(TwoRooms):
    """Two rooms seen by a camera, beside readings."""

    @property
    def spaces(self):
        plain = super().spaces
        return Spaces(TreeSpace({"camera": plain.observation, "place": VectorSpace(2)}), plain.action)

    def observe(self, state):
        return {"camera": super().observe(state), "place": state["position"].astype(np.float32)}


@pytest.mark.parametrize("shift", ALL, ids=lambda shift: shift.label)
def test_a_world_in_another_look_keeps_the_promises_of_a_world(shift):
    check_world(ShiftedWorld(world=WORLD, shift=shift))


@pytest.mark.parametrize("shift", ALL, ids=lambda shift: shift.label)
def test_the_look_changes_and_nothing_else_does(shift):
    shifted, states = ShiftedWorld(world=WORLD, shift=shift), some_states(WORLD)
    assert (shifted.observe(states) != WORLD.observe(states)).any()
    assert (shifted.spaces, shifted.rules, shifted.pair_kinds) == (WORLD.spaces, WORLD.rules, WORLD.pair_kinds)
    actions = np.full((5, 2), 0.08)
    for name, part in WORLD.advance(states, actions).items():
        np.testing.assert_array_equal(shifted.advance(states, actions)[name], part)
    goals = some_states(WORLD)
    np.testing.assert_array_equal(shifted.expert(states, goals), WORLD.expert(states, goals))
    np.testing.assert_array_equal(shifted.distance(states, goals), WORLD.distance(states, goals))


@pytest.mark.parametrize("shift", ALL, ids=lambda shift: shift.label)
def test_a_shift_comes_back_from_json_as_it_went(shift):
    assert config.from_json(config.to_json(shift)) == shift


def test_brightness_and_contrast_do_the_arithmetic_that_they_name():
    frames = np.array([0, 100, 200, 255], np.uint8).reshape(1, 2, 2, 1)
    assert Brightness(factor=0.5).pictures(frames).ravel().tolist() == [0, 50, 100, 128]
    assert Brightness(factor=2.0).pictures(frames).ravel().tolist() == [0, 200, 255, 255]
    assert Contrast(factor=0.0).pictures(frames).ravel().tolist() == [128] * 4
    assert Contrast(factor=1.0).pictures(frames).ravel().tolist() == frames.ravel().tolist()


def test_a_third_of_a_turn_makes_red_green():
    red = np.zeros((1, 1, 1, 3), np.uint8)
    red[..., 0] = 200
    assert Hue(degrees=120.0).pictures(red).ravel().tolist() == [0, 200, 0]


def test_light_falls_from_left_to_right():
    columns = Lighting(depth=0.5).pictures(np.full((1, 4, 5, 3), 200, np.uint8))[0, 0, :, 0]
    assert columns.tolist() == [200, 175, 150, 125, 100]


def test_blur_is_the_mean_of_the_square_around():
    frames = np.zeros((1, 5, 5, 1), np.uint8)
    frames[0, 2, 2] = 90
    blurred = Blur(radius=1).pictures(frames)[0, :, :, 0]
    assert (blurred[1:4, 1:4] == 10).all() and blurred.sum() == 90


def test_noise_has_the_deviation_that_it_names_and_comes_back_for_the_same_frame():
    grey = np.full((2, 64, 64, 3), 128, np.uint8)
    grey[1, 0, 0, 0] += 1
    noisy = Noise(deviation=0.1).pictures(grey)
    assert noisy.astype(float).std() == pytest.approx(25.5, rel=0.03)
    np.testing.assert_array_equal(noisy, Noise(deviation=0.1).pictures(grey))
    assert (noisy[0] != noisy[1]).mean() > 0.9


def test_a_parameter_changes_the_picture_as_the_world_itself_would():
    states = some_states(WORLD)
    blue = (40, 90, 220)
    np.testing.assert_array_equal(
        Parameter(name="agent_colour", value=blue).observe(WORLD, states), replace(WORLD, agent_colour=blue).observe(states)
    )
    np.testing.assert_array_equal(Scaled(factor=1.4).observe(WORLD, states), replace(WORLD, agent_radius=0.05 * 1.4).observe(states))


def test_of_a_tree_the_pictures_are_shifted_and_the_readings_are_not():
    world = WithReadings(size=24)
    states = some_states(world)
    seen, plain = ShiftedWorld(world=world, shift=Brightness(factor=0.5)).observe(states), world.observe(states)
    np.testing.assert_array_equal(seen["camera"], Brightness(factor=0.5).pictures(plain["camera"]))
    np.testing.assert_array_equal(seen["place"], plain["place"])


def test_what_does_not_fit_a_world_says_why():
    assert all("nothing is seen in" in shift.misfit(PointMass()) for shift in ALL)
    assert Parameter(name="wings", value=1).misfit(WORLD) == "this world has no wings"
    assert "agent_radius" in Scaled(factor=4.0).misfit(WORLD)
    assert [shift.label for shift in ALL if shift.misfit(Maze())] == ["agent radius x 1.4"], "it would not fit between the walls"


def test_pictures_without_colour_have_no_hue():
    @dataclass(frozen=True, kw_only=True)
    class Grey(TwoRooms):
        @property
        def spaces(self):
            return Spaces(PixelSpace(self.size, self.size, 1), super().spaces.action)

    assert Hue().misfit(Grey()) == "nothing is seen in colour"
    assert Noise().misfit(Grey()) == ""


def test_groups_are_chosen_by_name_and_nothing_twice():
    assert choose_shifts(["noise", "size"]) == (*GROUPS["noise"], *GROUPS["size"])
    assert choose_shifts(["all", "noise"]) == ALL == choose_shifts(list(GROUPS))
    with pytest.raises(UnknownNameError, match="did you mean 'colours'"):
        choose_shifts(["colors"])


def test_a_shift_of_ones_own_is_one_file(tmp_path):
    file = tmp_path / "negative.py"
    lines = [
        "from dataclasses import dataclass",
        "from telos.evaluation.shifts import AbstractPictureShift",
        "@dataclass(frozen=True, kw_only=True)",
        "class Negative(AbstractPictureShift):",
        "    @property",
        "    def label(self):",
        "        return 'negative'",
        "    def pictures(self, frames):",
        "        return 255 - frames",
    ]
    file.write_text("\n".join(lines))
    (shift,) = choose_shifts([f"{file}:Negative"])
    states = some_states(WORLD)
    np.testing.assert_array_equal(shift.observe(WORLD, states), 255 - WORLD.observe(states))
    with pytest.raises(ConfigError, match="is no shift"):
        choose_shifts(["telos.envs:TwoRooms"])
