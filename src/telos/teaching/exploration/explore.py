"""A behaviour for collecting: an agent that looks for what it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from telos.agent.loop import Agent
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError, GuardrailError, RunError, SpaceError, TelosError
from telos.core.run import Run
from telos.core.spaces import ActionSpace, Spaces
from telos.core.weights import fingerprint
from telos.data import Episodes
from telos.data.behaviour import AbstractBehaviour, Acting
from telos.recipes.experiment import load_agent
from telos.recipes.knowledge import load_world_model
from telos.teaching.exploration.explorer import Explorer
from telos.teaching.exploration.places import Places
from telos.training.codes import encode_logs

STEPS_APART = 0.3
"""Places lie at least so far apart: this share of the mean squared change of the latent in one step."""
AT_ONCE = 256
"""Frames that are looked up together."""


@dataclass(frozen=True, kw_only=True)
class Explore(AbstractBehaviour):
    """Goes back, by planning, to a state that was rarely seen, and goes on from there: on the newest of many imagined ways, or at random.

    The map of what was seen begins with the logs of the run and grows with every step; all episodes share it. The model stays as it
    is: train on the old logs and the new ones, and explore again with the new run.

    Use where random actions stay near the start, and what one would like to know lies far away. Not where episodes start everywhere,
    and not where every episode has a scenery of its own: a way through one is none through another.

    Source: after Ecoffet et al. (2021), "First return, then explore", arXiv 2004.12919; a learned model and planning are in place of
    the simulator's saved states.

    Raises:
        ConfigError: a number is out of range.
    """

    run: str
    """Folder of the run whose model, planner and logs are used."""
    look_ahead: int = 5
    """Steps along a known way at which the next goal of the plan lies."""
    replan_every: int = 2
    """Steps of a plan that are carried out on the way."""
    patience: int = 20
    """Steps without progress on the way, or without anything new after it, until something else is tried."""
    curiosity: float = 0.7
    """Share of the arrivals after which ways on are chosen for their novelty; after the others actions are random."""
    num_ways: int = 32
    """Random ways on, of which the one that is imagined to lead to the newest state is chosen."""
    way_steps: int = 8
    """Steps of such a way; all are carried out."""
    rarity: float = 2.0
    """A place is chosen with a weight of `(1 + visits) ** -rarity`, visits being the mean over the places around."""

    def __post_init__(self) -> None:
        if min(self.look_ahead, self.replan_every, self.patience, self.num_ways, self.way_steps) < 1:
            raise ConfigError("An explorer looks ahead, plans and waits for whole steps, along whole ways.", expected="1 or more of each")
        if not 0 <= self.curiosity <= 1 or not self.rarity >= 0:
            raise ConfigError(f"An explorer cannot have curiosity={self.curiosity} and rarity={self.rarity}.", expected="0 to 1, and 0 or more")

    def start(self, space: ActionSpace, num: int, rng: np.random.Generator) -> Acting:
        """Begins to act.

        Raises:
            RunError: training did not come to its end, or the run's logs are gone.
            SpaceError: the actions are not those of the run.
            ConfigError: its planner looks less far ahead than plans are carried out.
            GuardrailError: the run has guardrails, which random actions do not keep.
        """
        agent = self._agent()
        known = agent.world_model.spaces
        if not known.fit(Spaces(known.observation, space)):
            raise _other_space(self.run, known.action.describe(), space.describe())
        places = map_of(agent.world_model, _logs_of(self.run))
        return Explorer(agent.world_model, agent.settings, places, self, space=space, num=num, rng=rng)

    def check(self, spaces: Spaces) -> None:
        """Raises what `start` raises, and SpaceError for other observations than those of the run, before anything is collected."""
        agent = self._agent()
        if not agent.world_model.spaces.fit(spaces):
            raise _other_space(self.run, agent.world_model.spaces.describe(), spaces.describe())
        _logs_of(self.run)

    def describe(self) -> Any:
        """All fields, under `policy` the word explore, and the fingerprint of the weights that explored."""
        return {**super().describe(), "policy": "explore", "weights": fingerprint(load_world_model(Path(self.run)))}

    def _agent(self) -> Agent:
        run = Run.open(Path(self.run))
        if (run.path / "guardrails.json").is_file():
            raise GuardrailError(
                f"{run.path} has guardrails, and an explorer would not keep them: part of what it does is random.",
                fix="explore with a copy of the run that has no guardrails.json, where nothing can be harmed",
            )
        agent = load_agent(run)
        if self.replan_every > agent.settings.planner.horizon:
            raise ConfigError(
                f"An explorer cannot carry out {self.replan_every} steps of plans of {agent.settings.planner.horizon}.", fix="lower replan_every"
            )
        return agent


def map_of(world_model: AbstractWorldModel, stores: Sequence[Episodes]) -> Places:
    """The map of what some logs have seen.

    Raises:
        ConfigError: nothing ever moves in them.
    """
    coded = [encode_logs(world_model, store)[0][:, : world_model.latent_size].cpu().numpy() for store in stores]
    inner = [np.setdiff1d(np.arange(len(latents)), np.cumsum(store.lengths + 1) - 1) for latents, store in zip(coded, stores, strict=True)]
    steps = np.concatenate([np.square(latents[rows + 1] - latents[rows]).mean(axis=1) for latents, rows in zip(coded, inner, strict=True)])
    reach = STEPS_APART * float(steps.mean()) if len(steps) else 0.0
    if not reach > 0:
        raise ConfigError("Nothing ever moves in the logs of this run, as its model sees them.", fix="train on other logs")
    places = Places(size=world_model.latent_size, reach=reach)
    for latents, rows in zip(coded, inner, strict=True):
        found = np.concatenate([places.visit(part)[0] for part in np.array_split(latents, max(1, len(latents) // AT_ONCE))])
        places.link(found[rows], found[rows + 1])
    return places


def _logs_of(run: str) -> list[Episodes]:
    try:
        return [Episodes.open(part["path"]) for part in Run.open(Path(run)).description["data"]]
    except TelosError as error:
        raise RunError(f"What {run} has seen is told by its logs, and they are gone: {error.what}", fix="bring them back, or train again") from error


def _other_space(run: str, known: str, wanted: str) -> SpaceError:
    return SpaceError(f"The run {run} knows {known}, and this environment has {wanted}.", expected="the world that its logs came from")
