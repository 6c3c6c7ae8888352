"""The tree of a plan as a picture of its own."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from telos.agent.loop import Agent
from telos.core.errors import ConfigError
from telos.core.logs import map_tree
from telos.core.spaces import Tree
from telos.core.types import Plan
from telos.core.world import AbstractWorld
from telos.data import AbstractEpisodes
from telos.evaluation.report.gallery import gallery_of
from telos.evaluation.report.imagery import imagery_for
from telos.evaluation.report.page import STYLE
from telos.evaluation.report.pictures import RGB
from telos.evaluation.report.storeys import Beholder, Storey
from telos.evaluation.report.tree import standalone, tree

RULE = r"^(?::root|\.{name}\b)[^{{]*\{{[^}}]*\}}"
"""What of the page's style a drawing needs; its colours are those of the light page."""


def beholder_of_logs(agent: Agent, logs: AbstractEpisodes, *, world: AbstractWorld | None = None, seed: int = 0) -> Beholder:
    """Whoever shows every state, imagined ones too, as the frame of the logs that comes nearest.

    Args:
        world: draws what a camera did not see.
        seed: of the frames of the logs that are looked at.
    """
    imagery = imagery_for(agent.world_model.spaces.observation, world, logs, seed=seed)
    gallery = gallery_of(agent.world_model, logs, seed=seed)

    def nearest(latents: Tensor) -> RGB | None:
        return imagery.seen(gallery.observations(gallery.nearest(latents)))

    return Beholder(levels=agent.knowledge.levels, gallery=gallery, seen=nearest, imagined=nearest)


def draw_plan_tree(
    agent: Agent, plan: Plan, logs: AbstractEpisodes, file: Path, *, now: Tree, goal: Tree, world: AbstractWorld | None = None, seed: int = 0
) -> tuple[Storey, ...]:
    """Writes the drawing as SVG, and returns what it shows.

    Args:
        plan: of one episode.
        logs: whose frames states are shown as.
        now, goal: what is seen, and what the task asks for; one frame each.
        world: draws what a camera did not see.

    Raises:
        ConfigError: the file's name says that it is to be of another kind.
    """
    if file.suffix != ".svg":
        raise ConfigError(f"{file} cannot be drawn: trees are drawn as SVG.", fix="choose a name that ends in .svg")
    imagery = imagery_for(agent.world_model.spaces.observation, world, logs, seed=seed)
    seen, wanted = (imagery.seen(map_tree(lambda leaf: np.asarray(leaf)[None], frame)) for frame in (now, goal))
    aim = None if plan.aim is None else plan.aim.select(torch.tensor([0]))
    beholder = beholder_of_logs(agent, logs, world=world, seed=seed)
    storeys = beholder.storeys(plan.imagined[0], aim, None if wanted is None else wanted[0])
    write_tree(file, storeys, None if seen is None else seen[0])
    return storeys


def write_tree(file: Path, storeys: Sequence[Storey], now: RGB | None) -> None:
    """The drawing as a file of its own.

    Args:
        storeys: the highest first.
        now: what is seen.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(standalone(tree(storeys, now), own_style("tree")), encoding="utf-8")


def own_style(name: str) -> str:
    """The rules of the page for drawings of a class, for a file of its own."""
    rules = re.findall(RULE.format(name=name), STYLE.read_text(encoding="utf-8"), re.MULTILINE)
    return "".join(rules) + "svg{font-family:sans-serif;background:var(--page)}"
