import numpy as np
import torch

from telos.core import config
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.protocols import draw_pairs, select_rows
from telos.evaluation.report.episode import imagined_before, lag_of, play_first


def recorded(small, num=4):
    sources = small.sources
    protocol = config.from_json(small.result["protocol"])
    return play_first(sources.agent, sources.world, protocol, num, sources.held_out)[0], sources, protocol


def test_the_episodes_are_those_of_the_evaluation(mass):
    episodes, sources, protocol = recorded(mass)
    world = sources.world
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.full(len(starts["position"]), 30))
    limits = np.ceil([protocol.patience * 30] * len(pairs)).astype(int)
    assert len(episodes) == len(pairs) == len(limits)
    for row, episode in enumerate(episodes):
        np.testing.assert_array_equal(episode.states["position"][0], pairs.starts["position"][row])
        np.testing.assert_array_equal(episode.goal["position"][0], pairs.goals["position"][row])
    assert np.mean([episode.reached for episode in episodes]) == mass.result["success"]


def test_states_follow_from_the_actions_to_the_very_end(rooms):
    episodes, sources, protocol = recorded(rooms)
    for episode in episodes:
        after = sources.world.advance(select_rows(episode.states, slice(0, -1)), episode.actions)
        np.testing.assert_array_equal(after["position"], episode.states["position"][1:])
        last = sources.world.distance(select_rows(episode.states, slice(-1, None)), episode.goal)
        assert not episode.reached or last <= protocol.radius


def test_a_recorded_agent_plays_as_an_unrecorded_one(rooms):
    episodes, sources, protocol = recorded(rooms)
    limits = np.array([episode.num_steps + 1 for episode in episodes])
    pairs = draw_pairs(sources.world, protocol, lambda starts, goals: limits)
    outcome = play(sources.world, pairs, AgentContestant(sources.agent), protocol)
    reached = [episode for episode, success in zip(episodes, outcome.success, strict=True) if success]
    assert [episode.reached for episode in episodes] == outcome.success.tolist()
    assert [episode.num_steps for episode in reached] == outcome.steps[outcome.success].tolist()


def test_what_was_imagined_before_comes_from_the_plan_made_so_many_steps_earlier(rooms):
    (episode, *_), sources, _ = recorded(rooms, num=1)
    lag = lag_of(sources.agent)
    imagined = imagined_before(episode, lag)
    assert len(imagined) == episode.num_steps
    assert torch.equal(imagined[0], episode.plans[0].latents[0])
    for time in range(lag, episode.num_steps + 1):
        assert torch.equal(imagined[time - 1], episode.plans[time - lag].latents[lag - 1])


def test_the_lag_lies_within_every_plan(rooms):
    from dataclasses import replace

    from telos.agent.loop import Agent

    agent = rooms.sources.agent
    for horizon, replan_every in ((1, 1), (3, 3), (6, 2), (20, 4)):
        settings = replace(agent.settings, planner=replace(agent.settings.planner, horizon=horizon), replan_every=replan_every)
        hasty = Agent(agent.world_model, settings, seed=0)
        protocol = config.from_json(rooms.result["protocol"])
        (episode, *_), _ = play_first(hasty, rooms.sources.world, protocol, 1, None)
        assert 1 <= lag_of(hasty) <= horizon
        assert len(imagined_before(episode, lag_of(hasty))) == episode.num_steps
