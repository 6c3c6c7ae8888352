"""Teaching an agent what it is familiar with: the density of its latents, from the logs that it was trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.cost.familiarity import Familiarity, FamiliarityConfig
from telos.agent.tasks import StayNearData
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError, DataError
from telos.core.logs import AbstractLogs
from telos.core.readouts import Knowledge
from telos.core.run import Run
from telos.core.seeding import numpy_generator, torch_generator
from telos.core.tasks import AbstractTask, Together
from telos.core.taught import save_taught
from telos.core.weights import fingerprint
from telos.data import AbstractEpisodes, split
from telos.recipes.knowledge import FAMILIARITY, load_knowledge, load_recipe, load_world_model
from telos.recipes.run_logs import logs_of
from telos.training.codes import CodeWindows

MOST_DIRECTIONS = 24
MOST_COMPONENTS = 32
FRAMES_PER_COMPONENT = 150
"""A Gaussian of 16 directions has 136 numbers of its own."""
MOST_FRAMES = 20_000
NUM_WINDOWS = 1024
ROUNDS = 20
"""Of expectation and maximisation; they hardly change anything after that."""


def teach_familiarity(run: Run | Path | str, logs: AbstractEpisodes | None = None, *, seed: int = 0) -> Familiarity:
    """Fits a sense of the familiar, and keeps it as RUN/familiarity; agents that are loaded later have it.

    Args:
        logs: what is familiar; by default the logs that the run was trained on.
        seed: of which frames are looked at.

    Raises:
        RunError: training did not come to its end.
        DataError: the run's logs are gone or changed, or there are too few frames.
    """
    run = run if isinstance(run, Run) else Run.open(Path(run))
    world_model = load_world_model(run).requires_grad_(False)
    logs = logs_of(run) if logs is None else logs
    known, held_out = split(logs, held_out=run.description["held_out"], seed=run.description["seed"])
    horizon = load_recipe(run).agent.planner.horizon
    familiarity, description = fit_familiarity(world_model, known, held_out, horizon=horizon, seed=seed, source=logs.fingerprint)
    save_taught(run.path / FAMILIARITY, description, familiarity, tie=fingerprint(world_model))
    return familiarity


def familiarity_of(run: Run | Path | str, *, seed: int = 0) -> Familiarity:
    """The run's sense of the familiar; taught now if nobody has taught it. Raises what `teach_familiarity` raises."""
    run = run if isinstance(run, Run) else Run.open(Path(run))
    known = load_knowledge(run).familiarity
    return known if isinstance(known, Familiarity) else teach_familiarity(run, seed=seed)


def prepare_for(task: AbstractTask, run: Run | Path | str) -> None:
    """Teaches the run what is familiar, if the task asks for it and nobody has done so. Raises what `teach_familiarity` raises."""
    parts = task.tasks if isinstance(task, Together) else (task,)
    if any(isinstance(part, StayNearData) for part in parts):
        familiarity_of(run)


@dataclass(frozen=True, kw_only=True)
class Strangeness:
    """How much of some logs an agent finds strange; where nothing has changed since training, both shares are about `alpha`."""

    states: float
    """Share of the frames whose p-value is below `alpha`: states unlike those that it was trained on."""
    steps: float
    """Share of the steps whose surprise is: the world does not do what it did, though it may look the same."""
    alpha: float
    """The level."""


@torch.no_grad()
def strangeness(knowledge: Knowledge, logs: AbstractLogs, *, alpha: float = 0.05, seed: int = 0) -> Strangeness:
    """How strange some logs are to an agent, such as its own of yesterday.

    Raises:
        ConfigError: nobody has taught the agent what it is familiar with.
    """
    familiarity = knowledge.familiarity
    if not isinstance(familiarity, Familiarity):
        raise ConfigError("Nobody has measured what this agent is familiar with.", fix='telos.teaching.familiarity.teach_familiarity("RUN")')
    windows, model = CodeWindows(knowledge.world_model, logs), knowledge.world_model
    drawn = windows.windows(numpy_generator(seed, "strangeness"), NUM_WINDOWS, 1)
    codes, actions = torch.as_tensor(drawn.observations), torch.as_tensor(drawn.actions)
    states = model.assemble(codes, actions, drawn.frames)
    surprise = familiarity.surprise(model.rollout(states.at(0), actions).latent[:, 0], states.latent[:, 1])
    unlike = familiarity.p_value(windows.codes[:, : model.latent_size])
    return Strangeness(states=float((unlike < alpha).float().mean()), steps=float((surprise < alpha).float().mean()), alpha=alpha)


@torch.no_grad()
def fit_familiarity(
    world_model: AbstractWorldModel, known: AbstractLogs, held_out: AbstractLogs, *, horizon: int, seed: int = 0, source: str = ""
) -> tuple[Familiarity, FamiliarityConfig]:
    """The density of the latents of `known`, calibrated on `held_out`.

    Raises:
        DataError: fewer than 100 frames.
    """
    rng, generator = numpy_generator(seed, "familiarity"), torch_generator(seed, "familiarity")
    windows = CodeWindows(world_model, known)
    latents = _thinned(windows.codes[:, : world_model.latent_size].cpu(), rng)
    if len(latents) < 100:
        raise DataError(f"{len(latents)} frames do not show what is familiar.", expected="100 or more")
    tests = CodeWindows(world_model, held_out)
    blur = _errors(world_model, windows, rng, horizon)[1].square().mean().clamp_min(1e-4)
    description = FamiliarityConfig(
        latent_size=world_model.latent_size,
        num_directions=min(world_model.latent_size, MOST_DIRECTIONS),
        num_components=max(1, min(MOST_COMPONENTS, len(latents) // FRAMES_PER_COMPONENT)),
        source=source,
    )
    familiarity = description.build()
    _set_density(familiarity, latents.double(), float(blur), generator)
    seen = familiarity.deviations(_thinned(tests.codes[:, : world_model.latent_size].cpu(), rng))
    imagined, _, steps = _errors(world_model, tests, rng, horizon)
    among = torch.linspace(0, 1, description.num_ranks)
    familiarity.ranks.copy_(seen.quantile(among))
    familiarity.step_ranks.copy_(steps.square().mean(dim=-1).quantile(among))
    familiarity.threshold.copy_(torch.maximum(seen.quantile(description.level), familiarity.deviations(imagined).quantile(description.level)))
    return familiarity.requires_grad_(False).eval(), description


def _thinned(latents: Tensor, rng: np.random.Generator) -> Tensor:
    """Not more frames than are of use."""
    return latents[np.sort(rng.permutation(len(latents))[:MOST_FRAMES])]


def _errors(world_model: AbstractWorldModel, windows: CodeWindows, rng: np.random.Generator, horizon: int) -> tuple[Tensor, Tensor, Tensor]:
    """Along logged actions: all imagined latents `[states latent]`, and the errors half-way `[windows latent]` and after one step."""
    horizon = min(horizon, int(windows.lengths.max()))
    drawn = windows.windows(rng, NUM_WINDOWS, horizon)
    codes, actions = torch.as_tensor(drawn.observations), torch.as_tensor(drawn.actions)
    states = world_model.assemble(codes, actions, drawn.frames)
    imagined = world_model.rollout(states.at(0), actions).latent
    errors = (imagined - states.latent[:, 1:]).cpu()
    return imagined.flatten(0, 1).cpu(), errors[:, (horizon - 1) // 2], errors[:, 0]


def _set_density(familiarity: Familiarity, latents: Float[Tensor, "frames latent"], blur: float, generator: torch.Generator) -> None:
    """Fits the Gaussians, each wider by the variance `blur` in all directions."""
    centred = latents - latents.mean(dim=0)
    directions = torch.linalg.svd(centred.T @ centred / len(centred)).U[:, : familiarity.directions.shape[1]]
    along = centred @ directions
    means, covariances = _mixture(along, familiarity.constant.shape[0], blur, generator)
    precisions = torch.linalg.inv(covariances)
    upper = torch.triu_indices(along.shape[1], along.shape[1])
    # Pairs of different numbers stand for both of their orders.
    twice = torch.where(upper[0] == upper[1], 1.0, 2.0)
    rest = (centred.square().sum(dim=1) - along.square().sum(dim=1)).mean() / max(1, centred.shape[1] - along.shape[1])
    familiarity.mean.copy_(latents.mean(dim=0))
    familiarity.directions.copy_(directions)
    familiarity.rest_precision.copy_(1 / (rest + blur))
    familiarity.quadratic.copy_((precisions[:, upper[0], upper[1]] * twice).T)
    familiarity.linear.copy_((-2 * torch.einsum("kij,kj->ki", precisions, means)).T)
    familiarity.constant.copy_(torch.einsum("ki,kij,kj->k", means, precisions, means))


def _mixture(points: Float[Tensor, "frames size"], num: int, blur: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Means `[num size]` and covariances `[num size size]` of a mixture of Gaussians, by expectation and maximisation."""
    means = points[torch.randperm(len(points), generator=generator)[:num]]
    share = torch.nn.functional.one_hot(torch.cdist(points, means).argmin(dim=1), num).to(points)
    usual = blur * torch.eye(points.shape[1], dtype=points.dtype)
    covariances = usual.expand(num, -1, -1)
    for _ in range(ROUNDS):
        weight = share.sum(dim=0) + 1e-6
        means = share.T @ points / weight[:, None]
        covariances = torch.stack([(points * share[:, k, None]).T @ points / weight[k] - torch.outer(means[k], means[k]) for k in range(num)]) + usual
        whitening = torch.linalg.inv(torch.linalg.cholesky(covariances))
        scale = (weight / len(points)).log() + whitening.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        squares = torch.stack([((points - means[k]) @ whitening[k].T).square().sum(dim=1) for k in range(num)], dim=1)
        share = torch.softmax(scale - squares / 2, dim=1)
    return means, covariances
