import json

import numpy as np
import pytest
from plane import STRIDE, Adds, Plane, agent_of

from telos.agent.guardrails import Hold, Holds
from telos.agent.loop import Agent
from telos.core.errors import ConfigError, DataError, SpaceError
from telos.core.guarding import Guardrail
from telos.core.readouts import Knowledge
from telos.data import EpisodeWriter
from telos.evaluation.recovery import draw_recovery, recover
from telos.testing.true_readouts import TrueReadout


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """One episode that walks straight to the right for six strides, and one more for company."""
    path = tmp_path_factory.mktemp("straight") / "straight"
    with EpisodeWriter(path, Plane().spaces) as writer:
        for _ in range(2):
            actions = np.tile(np.array([[STRIDE, 0.0]], np.float32), (6, 1))
            writer.add(np.concatenate([np.zeros((1, 2), np.float32), actions]).cumsum(0, dtype=np.float32), actions)
    from telos.data import Episodes

    return Episodes.open(path)


def test_a_plan_finds_the_way_that_was_logged(straight):
    found = recover(agent_of(Adds()), straight, episode=0, start=0, goal=6)
    np.testing.assert_allclose(found.planned.actions[:6].mean(0), found.logged.actions.mean(0), atol=0.04)
    assert found.action_difference is not None and found.action_difference < 0.3
    # It may also get there late within its horizon; what was logged is exactly there at the end.
    assert found.logged.distances[-1] < 1e-9
    assert found.planned.distances.min() < 0.03 < found.zero.distances.min()
    assert found.planned.energy < found.zero.energy


def test_the_logged_piece_is_the_one_that_was_asked_for(straight):
    found = recover(agent_of(Adds()), straight, episode=1, start=2, goal=5)
    assert found.trajectory.num_steps == 3
    np.testing.assert_array_equal(found.trajectory.observations, straight.episode(1).observations[2:6])


def test_the_same_seed_plans_the_same(straight):
    first, again, other = (recover(agent_of(Adds(), seed=seed), straight, episode=0, start=0, goal=6).to_json() for seed in (0, 0, 1))
    assert first == again != other
    assert set(json.loads(json.dumps(first, allow_nan=False))) == {"planned", "logged", "zero", "action_difference", "fallback", "tree", "why"}


@pytest.mark.parametrize(
    ("episode", "start", "goal", "words"),
    [
        (2, 0, 3, "no episode 2"),
        (-1, 0, 3, "no episode -1"),
        (0, 3, 3, "from frame 3 to frame 3"),
        (0, 4, 2, "from frame 4 to frame 2"),
        (0, -1, 2, "from frame -1"),
        (0, 0, 7, r"0 <= start < goal <= 6"),
    ],
)
def test_frames_that_are_not_there_are_named(straight, episode, start, goal, words):
    with pytest.raises(DataError, match=words):
        recover(agent_of(Adds()), straight, episode=episode, start=start, goal=goal)


def test_logs_of_another_kind_are_refused(tmp_path):
    import tiny_runs

    from telos.data import Episodes

    with pytest.raises(SpaceError, match="The logs hold a vector of 3 numbers"):
        recover(agent_of(Adds()), Episodes.open(tiny_runs.walk_logs(tmp_path / "logs", tiny_runs.DISCRETE)), episode=0, start=0, goal=3)


@pytest.mark.parametrize("name", ["plan.png", "deeper/plan.svg"])
def test_a_recovery_is_drawn(straight, tmp_path, name):
    draw_recovery(recover(agent_of(Adds()), straight, episode=0, start=0, goal=6), tmp_path / name)
    assert (tmp_path / name).stat().st_size > 5000


def test_a_kind_of_picture_that_nobody_draws_is_refused(straight, tmp_path):
    with pytest.raises(ConfigError, match=r"plan.xyz cannot be drawn"):
        draw_recovery(recover(agent_of(Adds()), straight, episode=0, start=0, goal=6), tmp_path / "plan.xyz")


def never(position):
    return position[..., 0] > 1e9


def test_a_plan_obeys_the_guardrails_of_the_agent(straight):
    free = agent_of(Adds())
    nowhere = Guardrail(name="nowhere", requirement=Holds(function=never, reads=("position",)), fallback=Hold())
    knowledge = Knowledge(world_model=Adds(), readouts={"position": TrueReadout("position")})
    kept = Agent(knowledge, free.settings, guardrails=(nowhere,))
    assert recover(free, straight, episode=0, start=0, goal=6).fallback is None
    assert recover(kept, straight, episode=0, start=0, goal=6).fallback is True
