"""Promises of teaching how long things take: from short pieces, with as many landmarks as it takes, and a slack that real moves keep to."""

import json

import numpy as np
import pytest
import torch
from tiny_runs import collect_logs, tiny

from telos.agent.cost.time_to_go import RATE
from telos.agent.critics import LandmarkGraph, QuasimetricConfig
from telos.cli import run as telos
from telos.core.errors import ConfigError, DataError, SpaceError, UnknownNameError
from telos.recipes.experiment import load_agent, open_logs, train
from telos.recipes.knowledge import load_knowledge
from telos.teaching.time_to_go import KINDS, teach_time_to_go
from telos.teaching.time_to_go.fitting import learn
from telos.teaching.time_to_go.landmarks import count_moves, draw_chart
from telos.teaching.time_to_go.lessons import FromTeacher
from telos.teaching.time_to_go.logged import LoggedLatents
from telos.teaching.time_to_go.mapping import _filled, find_chart
from telos.teaching.time_to_go.slack import calibrate_slack, times_of_moves


def corridor(*, episodes: int, steps: int, width: float = 10.0, speed: float = 0.2, seed: int = 0) -> LoggedLatents:
    """Pieces of walks in a bent corridor: `width` to the right, up a little, and back. Its two arms lie side by side, with a wall between."""
    rng = np.random.default_rng(seed)
    along = rng.uniform(0, 2 * width, episodes)
    heading, way = rng.choice([-1.0, 1.0], episodes), []
    for _ in range(steps + 1):
        way.append(along)
        heading = np.where(rng.random(episodes) < 0.1, -heading, heading)
        along = np.clip(along + heading * speed, 0, 2 * width)
    way = np.stack(way, axis=1).reshape(-1)
    latents = torch.tensor(np.stack([np.minimum(way, 2 * width - way), 0.8 * (way > width)], axis=1), dtype=torch.float32)
    return LoggedLatents(latents, np.full(episodes, steps))


def mapped(logged: LoggedLatents) -> LandmarkGraph:
    chart, _ = find_chart(logged)
    return _filled(chart, logged.latents[chart.rows], 2)[0]


@pytest.fixture(scope="module")
def pieces() -> LoggedLatents:
    """12 steps each, of a way of 100."""
    return corridor(episodes=1500, steps=12)


@pytest.fixture(scope="module")
def graph(pieces) -> LandmarkGraph:
    return mapped(pieces)


def test_short_pieces_are_put_together_to_a_way_that_none_of_them_holds(graph):
    ends = torch.tensor([[0.0, 0.0], [0.0, 0.8]])
    assert 70 < float(graph(ends[:1], ends[1:])) < 150


def test_the_other_arm_is_as_far_as_the_way_round(graph):
    beside = torch.tensor([[5.0, 0.0], [5.0, 0.8]])
    assert float(graph(beside[:1], beside[1:])) > 5 * float(graph(beside[:1], beside[:1] + torch.tensor([1.0, 0.0])))


def test_slack_covers_the_promised_share_of_real_moves(graph, pieces):
    fresh = corridor(episodes=800, steps=12, seed=7)
    for gaps in ((6,), (12,), (3, 6, 12)):
        slack = calibrate_slack(graph, pieces, gaps)
        assert slack >= 0
        for gap in gaps:
            kept = times_of_moves(graph, fresh, gap, num=4000) <= RATE * gap + slack
            assert float(kept.double().mean()) >= 0.97


def test_gaps_longer_than_every_piece_are_left_out(graph, pieces):
    assert calibrate_slack(graph, pieces, (6, 50)) == calibrate_slack(graph, pieces, (6,))


def test_a_larger_world_gets_more_landmarks():
    few, many = (find_chart(corridor(episodes=1200, steps=40, width=width)) for width in (4.0, 40.0))
    assert len(many[0].rows) > len(few[0].rows)
    assert [one.landmarks for one in many[1]] == sorted(one.landmarks for one in many[1])


def test_a_number_that_somebody_gives_is_taken(pieces):
    chart, tried = find_chart(pieces, 60)
    assert len(tried) == 1
    assert 30 <= len(chart.rows) <= 60


def test_a_move_that_was_seen_too_seldom_is_no_edge():
    at, episodes = np.array([0, 1, 0, 1, 0, 2]), np.zeros(6, int)
    edges, steps = count_moves(at, episodes, 3, lags=range(1, 2), seen=2)
    assert edges.T.tolist() == [[0, 1], [1, 0]]
    assert steps.tolist() == [1, 1]


def test_nothing_is_seen_between_the_end_of_an_episode_and_the_next_beginning():
    at, episodes = np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])
    edges, _ = count_moves(at, episodes, 4, lags=range(1, 4), seen=1)
    assert edges.T.tolist() == [[0, 1], [2, 3]]


def test_the_same_seed_draws_the_same_map(pieces):
    first, second, other = (draw_chart(pieces, 100, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.rows, second.rows)
    assert not torch.equal(first.rows, other.rows)


@pytest.mark.slow
def test_a_network_learns_from_a_map_what_no_piece_tells_it(graph, pieces):
    torch.manual_seed(0)
    critic = QuasimetricConfig(latent_size=2, width=64, depth=2, num_parts=8).build()
    learn(critic, FromTeacher(teacher=graph, longest=12), pieces, steps=400)
    rows = torch.randint(len(pieces), (2, 400), generator=torch.Generator().manual_seed(0))
    said, taught = (part(pieces.latents[rows[0]], pieces.latents[rows[1]]) for part in (critic, graph))
    assert float(torch.corrcoef(torch.stack([said, taught]))[0, 1]) > 0.9


def test_logs_of_a_few_frames_are_refused():
    with pytest.raises(DataError, match="frames do not show how long"):
        find_chart(corridor(episodes=5, steps=12))


def test_logs_in_which_nothing_comes_back_are_refused():
    latents = torch.arange(600.0)[:, None].expand(-1, 2)
    with pytest.raises(DataError, match="Hardly any move"):
        find_chart(LoggedLatents(latents, np.ones(300, int)), 600)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timed")
    return train(collect_logs(folder / "logs", episodes=60, steps=20), folder / "run", recipe=tiny, held_out=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_kept_in_the_run_and_loaded_with_it(run, kind):
    lesson = teach_time_to_go(run, kind=kind, steps=20)
    back = load_knowledge(run).time_to_go(kind)
    latents = torch.randn(6, run_latent(run))
    with torch.no_grad():
        assert torch.equal(back(latents[:3], latents[3:]), lesson.critic(latents[:3], latents[3:]))
    assert float(back.slack) == pytest.approx(lesson.to_json()["slack"])


def test_an_agent_goes_by_the_critic_that_is_named(run):
    teach_time_to_go(run, kind="quasimetric", teacher="landmarks", steps=20)
    agent = load_agent(run, time_to_go="quasimetric-landmarks", guardrails=())
    assert agent.settings.time_to_go == "quasimetric-landmarks"
    with pytest.raises(UnknownNameError, match="critic of time"):
        load_agent(run, time_to_go="guesswork", guardrails=())


def test_the_command_says_what_was_taught(run, capsys):
    assert telos(["time-to-go", str(run.path), "--name", "map", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["kind"] == "landmarks"
    assert told["num_landmarks"] == told["tried"][-1]["landmarks"]
    assert (run.path / "times" / "map.json").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kind": "guesswork"}, "kind of critic of time"),
        ({"kind": "landmarks", "teacher": "landmarks"}, "has no teacher"),
        ({"kind": "hindsight", "teacher": "somebody"}, "teacher"),
        ({"kind": "hindsight", "num_landmarks": 5}, "has no landmarks"),
        ({"kind": "landmarks", "num_landmarks": 1}, "is to have 1 landmarks"),
        ({"kind": "expectile", "steps": 0}, "for 0 steps"),
        ({"kind": "landmarks", "name": "../map"}, "cannot be called"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(run, asked, message):
    with pytest.raises((ConfigError, UnknownNameError), match=message):
        teach_time_to_go(run, **asked)


def test_logs_of_another_world_are_refused(run, tmp_path):
    with pytest.raises(SpaceError, match="these logs hold"):
        teach_time_to_go(run, logs=open_logs(collect_logs(tmp_path / "other", "maze", episodes=4)))


def run_latent(run) -> int:
    return load_knowledge(run).world_model.latent_size
