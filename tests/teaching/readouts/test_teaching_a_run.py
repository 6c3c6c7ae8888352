"""A run is taught a quantity: what can be read is read, what cannot says so, and all of it is kept."""

import csv
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from telos import load_agent, teach_readout
from telos.agent.readouts import KernelRidgeReadout, LinearReadout, PerceptronReadout
from telos.core.errors import ConfigError, DataError, MissingColumnError, RunError, SpaceError, UnknownNameError
from telos.core.readouts import check_readable
from telos.core.run import Run
from telos.recipes.knowledge import load_knowledge, load_recipe
from telos.teaching.readouts import draw_reading, teach
from telos.teaching.readouts.lesson import plan_lesson
from telos.teaching.readouts.sources import find_labels


def test_a_position_is_read_far_better_than_anybody_could_guess(pupil):
    fidelity = teach_readout(pupil, "position", kind="linear").readout.fidelity
    assert fidelity.readable and not fidelity.why
    assert fidelity.error < 0.1 * fidelity.floor
    assert len(fidelity.step_errors) == len(fidelity.step_floors) == load_recipe(pupil).agent.planner.horizon
    assert fidelity.num_labels == 30 * 17, "every frame of the training episodes"
    check_readable(load_knowledge(pupil).readout("position"))


@pytest.mark.parametrize("kind", ["linear", "kernel-ridge"])
def test_a_velocity_that_no_frame_shows_says_so_and_cannot_carry_a_guardrail(pupil, kind):
    taught = teach_readout(pupil, "velocity", kind=kind)
    fidelity = taught.readout.fidelity
    assert not fidelity.readable and fidelity.error > fidelity.floor / 2
    assert fidelity.why.startswith("velocity[0] cannot be read from what the agent believes")
    with pytest.raises(ConfigError, match=r"'velocity' cannot carry a guardrail: velocity\[0\] cannot be read"):
        check_readable(load_knowledge(pupil).readout("velocity"))


def test_one_number_that_cannot_be_read_is_not_hidden_by_others_that_can(pupil, point_logs, tmp_path):
    rows = [[episode, frame] for episode in range(40) for frame in range(17)]
    with (tmp_path / "both.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["episode", "frame", "x", "y", "x10", "y10", "speed"])
        for episode, frame in rows:
            place = point_logs.info("position", episode)[frame]
            writer.writerow([episode, frame, *place, *(10 * place), point_logs.info("velocity", episode)[frame, 0]])
    fidelity = teach_readout(pupil, labels=tmp_path / "both.csv", kind="linear").readout.fidelity
    assert fidelity.error < 0.1 * fidelity.floor, "in the mean over all numbers"
    assert not fidelity.readable and fidelity.why.startswith("speed cannot be read")


def test_what_never_changes_is_nothing_to_read(pupil):
    fidelity = teach_readout(pupil, "mass", kind="linear").readout.fidelity
    assert not fidelity.readable and "never changes" in fidelity.why


def test_an_angle_is_read_as_two_numbers_of_unit_length(pupil):
    taught = teach_readout(pupil, "heading", kind="kernel-ridge")
    assert (taught.readout.size, taught.readout.unit) == (2, "cosine and sine") and taught.readout.fidelity.readable
    assert np.allclose(np.linalg.norm(taught.reading.read, axis=1), 1, atol=0.5)
    assert np.median(np.abs(np.linalg.norm(taught.reading.read, axis=1) - 1)) < 0.05


def test_what_was_taught_comes_back_with_the_run(pupil):
    taught = teach_readout(pupil, "position", name="place", kind="kernel-ridge", num_labels=100)
    assert isinstance(taught.readout, KernelRidgeReadout) and taught.readout.fidelity.num_labels == 100
    agent = load_agent(pupil)
    back = agent.knowledge.readout("place")
    beliefs = torch.randn(9, agent.world_model.latent_size)
    assert torch.equal(back(beliefs), taught.readout(beliefs))
    assert (back.name, back.unit, back.size, back.fidelity) == ("place", "m", 2, taught.readout.fidelity)


def test_auto_takes_a_line_where_that_is_as_good(pupil, monkeypatch):
    monkeypatch.setattr(teach, "fit_perceptron", partial(teach.fit_perceptron, num_steps=50))
    monkeypatch.setattr(teach, "LINEAR_ENOUGH", 1e6)
    assert isinstance(teach_readout(pupil, "position").readout, LinearReadout)
    monkeypatch.setattr(teach, "LINEAR_ENOUGH", 0.0)
    assert isinstance(teach_readout(pupil, "position").readout, PerceptronReadout)


def test_a_readout_is_a_function_of_run_labels_and_seed(pupil, tmp_path):
    other = Run(shutil.copytree(pupil.path, tmp_path / "other"))
    one, two = (teach_readout(run, "position", kind="kernel-ridge", seed=4) for run in (pupil, other))
    assert one.description == two.description
    assert all(torch.equal(a, b) for a, b in zip(one.readout.state_dict().values(), two.readout.state_dict().values()))


def write_labels(path, logs, num: int, *, episodes: int = 40) -> None:
    rng = np.random.default_rng(0)
    places = rng.permutation(episodes * 17)[:num]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["episode", "frame", "x", "y"])
        for episode, frame in zip(places // 17, places % 17):
            writer.writerow([episode, frame, *logs.info("position", int(episode))[frame]])


def test_a_hundred_labelled_frames_teach_nearly_what_the_column_does(pupil, point_logs, tmp_path):
    write_labels(tmp_path / "position.csv", point_logs, 120)
    taught = teach_readout(pupil, labels=tmp_path / "position.csv", unit="m", kind="kernel-ridge")
    fidelity = taught.readout.fidelity
    assert (taught.readout.name, taught.readout.unit, taught.parts) == ("position", "m", ("x", "y"))
    assert fidelity.readable and fidelity.error < 0.1 * fidelity.floor and fidelity.num_labels < 120
    column = teach_readout(pupil, "position", kind="kernel-ridge").readout.fidelity
    assert np.allclose(fidelity.step_errors[0], column.step_errors[0], rtol=0.5), "imagined steps are judged by single labels too"


def test_no_episode_is_both_learned_from_and_judged_on(pupil, point_logs, tmp_path):
    write_labels(tmp_path / "labels.csv", point_logs, 120)
    for source in ({"column": "position"}, {"labels": tmp_path / "labels.csv"}):
        found = find_labels(pupil, **source)
        lesson = plan_lesson(found.logs, found.labels, found.held_out, num_labels=None, horizon=5, seed=0)
        learned = {*lesson.labelled.episodes.tolist(), *lesson.others.episodes.tolist()}
        judged = {*lesson.judged.episodes.tolist(), *lesson.windows.episodes.tolist()}
        assert learned and judged and not learned & judged
        pairs = set(zip(lesson.labelled.episodes.tolist(), lesson.labelled.frames.tolist()))
        assert not pairs & set(zip(lesson.others.episodes.tolist(), lesson.others.frames.tolist()))


@pytest.mark.parametrize(("num", "episodes"), [(1, 40), (20, 40), (17, 1)])
def test_too_few_labels_are_told_with_how_many_more(pupil, point_logs, tmp_path, num, episodes):
    write_labels(tmp_path / "labels.csv", point_logs, num, episodes=episodes)
    with pytest.raises(DataError, match=rf"and {num} in all(.|\n)*at least 24 to learn from(.|\n)*label \d+ more frames"):
        teach_readout(pupil, labels=tmp_path / "labels.csv", kind="linear")


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({}, ConfigError, "one of the two"),
        ({"column": "position", "labels": "x.csv"}, ConfigError, "one of the two"),
        ({"column": "nothing"}, MissingColumnError, "no column 'nothing'"),
        ({"column": "position", "num_labels": 0}, ConfigError, "0 labels teach nothing"),
        ({"column": "position", "num_labels": 5}, DataError, "5 labelled frames to learn from"),
        ({"column": "position", "name": "../position"}, ConfigError, "cannot be called '../position'"),
        ({"column": "position", "name": ""}, ConfigError, "cannot be called ''"),
        ({"column": "position", "name": "a b"}, ConfigError, "cannot be called 'a b'"),
        ({"column": "position", "kind": "linaer"}, UnknownNameError, "did you mean 'linear'"),
        ({"column": "position", "data": "nowhere"}, DataError, "nowhere"),
        ({"column": "position", "seed": -1}, ConfigError, "seed"),
    ],
)
def test_a_wrong_setting_is_told_and_nothing_is_left_behind(pupil, given, kind, said):
    with pytest.raises(kind, match=said):
        teach_readout(pupil, **given)
    assert not (pupil.path / "readouts").exists()


def test_a_column_with_a_path_gets_a_name_that_can_be_typed(pupil):
    assert teach_readout(pupil, "observation[0]", kind="linear").readout.name == "observation-0"


def test_other_logs_of_the_same_kind_may_be_learned_from(pupil, tmp_path):
    import moving_point
    import tiny_runs

    other = moving_point.write_logs(tmp_path / "more", episodes=20, seed=5)
    assert teach_readout(pupil, "position", data=other, kind="linear").readout.fidelity.readable
    strange = tiny_runs.walk_logs(tmp_path / "strange", tiny_runs.TREE, episodes=4)
    with pytest.raises(SpaceError, match="was trained on"):
        teach_readout(pupil, "position", data=strange, kind="linear")


def test_logs_that_have_changed_since_are_not_taken_for_those_of_the_run(pupil, tmp_path):
    import moving_point

    description = pupil.read_json("run.json")
    description.pop("checksum")
    description["data"] = [description["data"][0] | {"path": str(moving_point.write_logs(tmp_path / "others", episodes=8, seed=9))}]
    other = Run.create(tmp_path / "moved", description)
    shutil.copy(pupil.weights_file, other.weights_file)
    with pytest.raises(DataError, match="are not those that it was trained on any more"):
        teach_readout(other, "position", kind="linear")


def test_a_readout_taught_on_other_weights_is_refused(pupil, tmp_path):
    teach_readout(pupil, "position", kind="linear")
    other = Run(shutil.copytree(pupil.path, tmp_path / "other"))
    from telos.core.weights import save_weights
    from telos.recipes.knowledge import load_world_model

    world_model = load_world_model(other)
    with torch.no_grad():
        next(world_model.parameters()).add_(1e-3)
    save_weights(other.weights_file, world_model)
    with pytest.raises(RunError, match=r"position\.json was taught on other weights"):
        load_agent(other)


def test_a_damaged_readout_is_named_before_an_agent_acts(pupil):
    teach_readout(pupil, "position", kind="linear")
    file = pupil.path / "readouts" / "position.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(RunError, match=r"position\.safetensors are damaged"):
        load_agent(pupil)


def test_a_readout_under_another_name_is_refused(pupil):
    teach_readout(pupil, "position", kind="linear")
    for file in (pupil.path / "readouts").iterdir():
        file.rename(file.with_name(file.name.replace("position", "speed")))
    with pytest.raises(RunError, match="reads 'position'"):
        load_knowledge(pupil)


def test_a_run_that_was_taught_nothing_knows_its_world_model_alone(pupil):
    knowledge = load_knowledge(pupil)
    assert not knowledge.readouts and not knowledge.critics and knowledge.familiarity is None
    with pytest.raises(UnknownNameError, match="telos readout RUN teaches it one"):
        knowledge.readout("position")


def test_the_picture_shows_what_was_read(pupil):
    taught = teach_readout(pupil, "velocity", kind="linear")
    file = draw_reading(taught)
    assert file == pupil.path / "readouts" / "velocity.png" and file.read_bytes().startswith(b"\x89PNG")
    # Without any imagined step there is still something to draw.
    nothing = replace(taught.readout.fidelity, step_errors=(), step_floors=())
    taught.readout.fidelity = nothing
    assert draw_reading(taught) == file
