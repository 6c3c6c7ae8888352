"""Episodes of the agent itself, to cut clips from: people judge what it does, not only what its logs hold."""

from pathlib import Path

import numpy as np

from telos.agent.loop import Agent
from telos.core.logs import map_tree
from telos.core.world import AbstractWorld, WorldState
from telos.data import Episodes
from telos.data.writer import EpisodeWriter
from telos.evaluation import make_protocol
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.protocols import draw_pairs, select_rows


def play_episodes(agent: Agent, world: AbstractWorld, path: Path, *, episodes: int = 64, seed: int = 100) -> Episodes:
    """Lets the agent play the world's own starts and goals, and keeps what it saw and did as a store; one that is there is opened.

    Raises:
        DataError: the store cannot be written, or is damaged.
        ConfigError: the world has no starts and goals that the agent could play.
    """
    if path.exists():
        return Episodes.open(path)
    protocol = make_protocol(world, None, episodes=episodes, offset=None, seed=seed)
    pairs = draw_pairs(world, protocol, lambda starts, goals: expert_steps(world, protocol, starts, goals))
    tracks: list[list[WorldState]] = [[select_rows(pairs.starts, slice(row, row + 1))] for row in range(episodes)]
    taken: list[list[np.ndarray]] = [[] for _ in range(episodes)]

    def record(alive: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        for index, row in enumerate(alive):
            tracks[row].append(select_rows(states, slice(index, index + 1)))
            taken[row].append(actions[index])

    play(world, pairs, AgentContestant(agent), protocol, record=record)
    with EpisodeWriter(path, world.spaces, behaviour={"agent": "its own episodes"}, seed=seed) as writer:
        for track, actions in zip(tracks, taken, strict=True):
            states = {name: np.concatenate([state[name] for state in track]) for name in track[0]}
            observations = map_tree(np.asarray, world.observe(states))
            writer.add(observations, np.stack(actions).astype(world.spaces.action.dtype), info=dict(world.truth(states)))
    return Episodes.open(path)
