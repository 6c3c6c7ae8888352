"""The promise: a run that was interrupted anywhere ends as if nothing had happened."""

import math
import shutil
from dataclasses import replace

import pytest
import tiny_runs
import torch
from safetensors.torch import load_file

from telos.core.errors import CollapseError, ConfigError, DataError, EpisodeTooShortError, RunError, SpaceError
from telos.core.run import Run
from telos.data import Episodes, EpisodeWriter, split
from telos.recipes import sigreg
from telos.recipes.experiment import load_world_model, make_fabric, train
from telos.training.checkpoint import load_checkpoint

FIRST, SECOND, TOTAL = 12, 20, 28
"""Where the phases of the tiny recipe end."""


class Interruption(BaseException):
    """Not an `Exception`: nobody may catch it."""


def interrupted_at(*steps):
    """A watcher that stops the run at each of these steps, once."""
    left = list(steps)

    def watch(event):
        if left and event.step == left[0]:
            left.pop(0)
            raise Interruption

    return watch


def with_interruptions(logs, out, steps, **settings):
    """A run that was killed at each of `steps`, and started again each time."""
    watcher = interrupted_at(*steps)
    for _ in steps:
        with pytest.raises(Interruption):
            train(logs, out, watcher=watcher, **settings)
    return train(logs, out, watcher=watcher, **settings)


def assert_same_run(ours: Run, theirs: Run) -> None:
    assert ours.metrics_file.read_bytes() == theirs.metrics_file.read_bytes()
    left, right = load_file(ours.weights_file), load_file(theirs.weights_file)
    assert set(left) == set(right) and all(torch.equal(left[name], right[name]) for name in left)


def test_the_same_seed_gives_the_same_curve_and_weights(logs, finished_run, tmp_path):
    assert_same_run(train(logs, tmp_path / "again", recipe=tiny_runs.tiny), finished_run)


def test_another_seed_gives_another_curve(logs, finished_run, tmp_path):
    assert train(logs, tmp_path / "other", recipe=tiny_runs.tiny, seed=1).metrics() != finished_run.metrics()


def test_a_finished_run_holds_every_line_of_metrics_its_weights_and_nothing_else(finished_run):
    assert sorted(file.name for file in finished_run.path.iterdir()) == ["metrics.jsonl", "model.safetensors", "run.json"]
    assert [line["step"] for line in finished_run.metrics()] == [4, 8, 12, 16, 20, 24, 28]
    assert {line["phase"] for line in finished_run.metrics()} == {"perception and dynamics", "dynamics, single steps", "dynamics, rollouts"}


@pytest.mark.parametrize("steps", [(1,), (7,), (8,), (FIRST,), (FIRST + 1,), (SECOND,), (TOTAL,), (3, 9, FIRST, 17, TOTAL - 1)], ids=str)
def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_bit(logs, finished_run, tmp_path, steps):
    assert_same_run(with_interruptions(logs, tmp_path / "run", steps, recipe=tiny_runs.tiny), finished_run)


@pytest.mark.parametrize("step", [5, FIRST + 2, TOTAL - 1])
def test_the_same_holds_when_checkpoints_are_as_rare_as_can_be(logs, tmp_path, step):
    """Then only the ends of phases are saved."""
    recipe = tiny_runs.shrink(tiny_runs.tiny(Episodes.open(logs)), checkpoint_seconds=1e9)
    whole = train(logs, tmp_path / "whole", recipe=recipe)
    assert_same_run(with_interruptions(logs, tmp_path / "run", (step,), recipe=recipe), whole)


def test_the_same_holds_for_objectives_that_count_their_batches(logs, tmp_path):
    recipe = tiny_runs.shrink(sigreg(Episodes.open(logs)))
    whole = train(logs, tmp_path / "whole", recipe=recipe)
    assert_same_run(with_interruptions(logs, tmp_path / "run", (6, 11), recipe=recipe), whole)


def test_a_run_that_lost_the_end_of_its_metrics_is_made_whole(logs, finished_run, tmp_path):
    """As when the machine went down between a line of metrics and its checkpoint, or in the middle of a line."""
    with pytest.raises(Interruption):
        train(logs, tmp_path / "run", recipe=tiny_runs.tiny, watcher=interrupted_at(10))
    run = Run.open(tmp_path / "run")
    with run.metrics_file.open("a") as file:
        file.write('{"step": 12, "phase": "not yet"}\n{"step": 16, "pha')
    assert_same_run(train(logs, tmp_path / "run", recipe=tiny_runs.tiny), finished_run)


@pytest.mark.parametrize("leftover", ["nothing", ".run.json.4711.tmp"])
def test_a_run_that_was_killed_before_it_began_can_begin(logs, finished_run, tmp_path, leftover):
    (tmp_path / "run").mkdir()
    if leftover != "nothing":
        (tmp_path / "run" / leftover).write_text('{"form')
    run = train(logs, tmp_path / "run", recipe=tiny_runs.tiny)
    assert_same_run(run, finished_run)
    assert sorted(file.name for file in run.path.iterdir()) == ["metrics.jsonl", "model.safetensors", "run.json"]


def test_a_finished_run_is_not_trained_again(logs, finished_run, tmp_path):
    shutil.copytree(finished_run.path, tmp_path / "run")
    steps = []
    train(logs, tmp_path / "run", recipe=tiny_runs.tiny, watcher=lambda event: steps.append(event.step))
    assert steps == []


def test_a_folder_that_holds_another_run_is_left_alone(logs, finished_run, tmp_path):
    shutil.copytree(finished_run.path, tmp_path / "run")
    before = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    other_logs = tiny_runs.collect_logs(tmp_path / "other", seed=1)
    for data, settings, words in (
        (logs, {"seed": 1}, "another seed"),
        (logs, {"recipe": sigreg}, "another recipe"),
        (logs, {"held_out": 0.3}, "another held out"),
        (logs, {"from_run": finished_run.path, "recipe": "default"}, "another from run"),
        (other_logs, {}, "on other data"),
    ):
        with pytest.raises(RunError, match=words):
            train(data, tmp_path / "run", **{"recipe": tiny_runs.tiny, **settings})
    assert {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize("name", ["notes.txt", ".hidden.tmp"])
def test_a_folder_with_somebodys_files_is_left_alone(logs, tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        train(logs, tmp_path / "run", recipe=tiny_runs.tiny)
    assert [file.read_text() for file in (tmp_path / "run").iterdir()] == ["mine"]


def test_what_cannot_be_trained_leaves_no_folder_behind(logs, finished_run, tmp_path):
    short = tiny_runs.collect_logs(tmp_path / "short", steps=3)
    foreign = tiny_runs.walk_logs(tmp_path / "foreign", tiny_runs.DISCRETE)
    with pytest.raises(EpisodeTooShortError):
        train(short, tmp_path / "run", recipe=tiny_runs.tiny(Episodes.open(logs)))
    with pytest.raises(SpaceError, match="3 numbers"):
        train(foreign, tmp_path / "run", from_run=finished_run.path)
    with pytest.raises(ConfigError, match="The seed is -1"):
        train(logs, tmp_path / "run", recipe=tiny_runs.tiny, seed=-1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("part", ["training", "held-out"])
def test_logs_with_nan_are_refused_before_training(tmp_path, part):
    logs = tiny_runs.collect_logs(tmp_path / "logs")
    for column in Episodes.open(logs).manifest.columns:
        if column.name == "observation":
            content = bytearray((logs / column.file).read_bytes())
            nan = b"\x00\x00\xc0\x7f"
            content[: 15 * 16] = nan * 60
            (logs / column.file).write_bytes(bytes(content if part == "training" else nan * (len(content) // 4)))
    with pytest.raises(DataError, match=r"'observation' holds values that are not finite"):
        train(logs, tmp_path / "run", recipe="vector")
    assert not (tmp_path / "run").exists()


def test_held_out_episodes_may_be_shorter_than_a_window(logs, tmp_path):
    store = Episodes.open(logs)
    unlucky = set(split(store, seed=3)[1].indices.tolist())
    with EpisodeWriter(tmp_path / "unlucky", store.spaces) as writer:
        for index in range(store.num_episodes):
            piece, length = store.episode(index), 2 if index in unlucky else 14
            writer.add(piece.observations[: length + 1], piece.actions[:length])
    run = train(tmp_path / "unlucky", tmp_path / "run", recipe=tiny_runs.tiny, seed=3)
    assert len(run.metrics()) == 7 and all(line["nothing_moves"] > 0 for line in run.metrics())


def test_fine_tuning_starts_below_where_training_from_scratch_does(logs, tmp_path):
    recipe = tiny_runs.shrink(tiny_runs.tiny(Episodes.open(logs)), steps=(180, 6, 6), log_every=1, checkpoint_seconds=5.0)
    source = train(logs, tmp_path / "source", recipe=recipe)
    new = tiny_runs.collect_logs(tmp_path / "new", seed=5)
    tuned, scratch = train(new, tmp_path / "tuned", from_run=source.path), train(new, tmp_path / "scratch", recipe=recipe)
    assert tuned.metrics()[0]["loss"] < 0.6 * scratch.metrics()[0]["loss"]
    assert tuned.description["from_run"] == str(source.path.resolve())
    assert tuned.description["recipe"] == source.description["recipe"]


def test_fine_tuning_needs_a_finished_run_with_the_same_spaces(logs, finished_run, tmp_path):
    with pytest.raises(Interruption):
        train(logs, tmp_path / "half", recipe=tiny_runs.tiny, watcher=interrupted_at(3))
    with pytest.raises(RunError, match="has not been trained to its end"):
        train(logs, tmp_path / "run", from_run=tmp_path / "half")
    choices = tiny_runs.walk_logs(tmp_path / "choices", tiny_runs.DISCRETE)
    with pytest.raises(SpaceError, match="one of 4 choices"):
        train(choices, tmp_path / "run", from_run=finished_run.path)
    assert not (tmp_path / "run").exists()


def test_choices_of_another_number_are_other_spaces(tmp_path):
    few = tiny_runs.walk_logs(tmp_path / "few", tiny_runs.DISCRETE)
    many = tiny_runs.walk_logs(tmp_path / "many", replace(tiny_runs.DISCRETE, action=replace(tiny_runs.DISCRETE.action, num=6)))
    source = train(few, tmp_path / "source", recipe=tiny_runs.tiny)
    with pytest.raises(SpaceError, match="one of 6 choices"):
        train(many, tmp_path / "run", from_run=source.path)


def test_a_damaged_checkpoint_is_named_and_nothing_is_lost(logs, tmp_path):
    with pytest.raises(Interruption):
        train(logs, tmp_path / "run", recipe=tiny_runs.tiny, watcher=interrupted_at(10))
    run = Run.open(tmp_path / "run")
    run.checkpoint_file.write_bytes(run.checkpoint_file.read_bytes()[:-100])
    before = run.metrics_file.read_bytes()
    with pytest.raises(RunError, match=r"checkpoint.pt is damaged"):
        train(logs, tmp_path / "run", recipe=tiny_runs.tiny)
    assert run.metrics_file.read_bytes() == before


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_training_with_half_the_digits_or_twice_as_many_stays_finite(logs, tmp_path, precision):
    run = train(logs, tmp_path / "run", recipe=tiny_runs.tiny, fabric=make_fabric(accelerator="cpu", precision=precision))
    numbers = [value for line in run.metrics() for value in line.values() if isinstance(value, float)]
    assert len(numbers) > 40 and all(map(math.isfinite, numbers))
    kept = torch.float64 if precision == "64-true" else torch.float32
    assert all(part.dtype == kept for name, part in load_file(run.weights_file).items() if "weight" in name)
    assert load_world_model(run).device.type == "cpu"


def test_a_gradient_that_is_no_number_stops_the_run_at_once_and_spares_the_last_checkpoint(logs, tmp_path):
    """A learning rate beyond all reason."""
    recipe = tiny_runs.tiny(Episodes.open(logs))
    first, *rest = recipe.curriculum.phases
    recipe = replace(recipe, curriculum=replace(recipe.curriculum, phases=(replace(first, learning_rate=1e30, warmup=0.0), *rest)))
    with pytest.raises(CollapseError, match=r"stopped at step \d+: the gradient is no finite number any more.\n  Fix: lower the learning rate"):
        train(logs, tmp_path / "run", recipe=recipe)
    saved = load_checkpoint(Run.open(tmp_path / "run"))
    assert saved is not None and all(part.isfinite().all() for part in saved["world_model"].values())


def test_a_watcher_is_told_of_every_step(logs, tmp_path):
    events = []
    train(logs, tmp_path / "run", recipe=tiny_runs.tiny, watcher=events.append)
    assert [event.step for event in events] == list(range(1, TOTAL + 1))
    assert {event.num_steps for event in events} == {TOTAL}
    assert [event.step for event in events if event.metrics] == [4, 8, 12, 16, 20, 24, 28]


def test_dynamics_phases_leave_perception_as_it_is(logs, tmp_path):
    recipe = tiny_runs.tiny(Episodes.open(logs))
    short = replace(recipe, curriculum=replace(recipe.curriculum, phases=recipe.curriculum.phases[:1]))
    one = load_file(train(logs, tmp_path / "one", recipe=short).weights_file)
    all_three = load_file(train(logs, tmp_path / "three", recipe=recipe).weights_file)
    for name in one:
        assert torch.equal(one[name], all_three[name]) == (not name.startswith("predictor")), name


def test_windows_per_episode_count_in_dynamics_phases_too(logs, finished_run, tmp_path):
    recipe = tiny_runs.tiny(Episodes.open(logs))
    phases = tuple(replace(phase, windows_per_episode=8) if phase.trains == "dynamics" else phase for phase in recipe.curriculum.phases)
    run = train(logs, tmp_path / "run", recipe=replace(recipe, curriculum=replace(recipe.curriculum, phases=phases)))
    assert run.metrics()[2] == finished_run.metrics()[2]
    assert run.metrics()[3]["loss"] != finished_run.metrics()[3]["loss"]
