"""What every critic of time promises."""

import tempfile
from pathlib import Path

import torch
from torch import Generator, Tensor

from telos.core.levels import AbstractTimeToGo
from telos.core.taught import AbstractDescription, load_taught, save_taught
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, near, same, snapshot

NUM = 5
"""States that are asked about."""


def check_time_to_go(
    critic: AbstractTimeToGo, latent_size: int, *, latents: Tensor | None = None, description: AbstractDescription | None = None, seed: int = 0
) -> None:
    """The promises of a critic of time: steps, 0 or more, of any shape; one pair at a time; differentiable; no chance; nothing altered.

    Args:
        critic: With its weights and its slack.
        latent_size: Numbers of a latent.
        latents: `[5 or more, latent]`, states that it is asked about; by default random ones.
        description: What builds it again; it is then saved as in a run, and has to say the same when it is back.
        seed: Of random states.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises, critic = Promises.of(critic), critic.eval()
    states = torch.randn(2 * NUM, latent_size, generator=Generator().manual_seed(seed)) if latents is None else latents[: 2 * NUM]
    here, there = states[:NUM], states[-NUM:]
    promises(isinstance(critic.slack, Tensor) and critic.slack.shape == () and bool(critic.slack >= 0), "slack is a number, 0 or more", critic.slack)
    promises("slack" in dict(critic.named_buffers()), "slack is a buffer, so that it is saved")
    _check_times(promises, critic, here, there)
    _check_slope(promises, critic, here, there)
    _check_ways(promises, critic, here, there)
    if description is not None:
        _check_kept(promises, critic, description, here, there)


@torch.no_grad()
def _check_times(promises: Promises, critic: AbstractTimeToGo, here: Tensor, there: Tensor) -> None:
    before, luck = snapshot((here, there)), torch.get_rng_state()
    times = critic(here, there)
    promises(tuple(times.shape) == (NUM,) and finite(times), "there is one finite time for each pair", list(times.shape))
    promises(bool((times >= 0).all()), "no time is below 0", times.tolist())
    promises(same(snapshot((here, there)), before), "no state is altered in place")
    promises(torch.equal(torch.get_rng_state(), luck), "it leaves torch's global generator alone")
    promises(same(critic(here, there), times), "the same pairs are as far apart twice; it has no chance of its own")
    promises(near(critic(here[1:2], there[1:2]), times[1:2]), "a pair of a batch is as far apart as the pair alone")
    table = critic(here[:, None], there[None])
    promises(tuple(table.shape) == (NUM, NUM) and near(table.diagonal(), times), "shapes broadcast: all from here to all there", list(table.shape))
    promises(near(critic.between(critic.place(here), critic.place(there)), times), "times between places are those between states")


def _check_slope(promises: Promises, critic: AbstractTimeToGo, here: Tensor, there: Tensor) -> None:
    moved = here.clone().requires_grad_()
    with torch.enable_grad():
        times = critic(moved, there).sum()
        promises(times.requires_grad, "times follow a change of the states: planners by gradient need the slope")
        (slope,) = torch.autograd.grad(times, moved)
    promises(finite(slope), "the slope is finite")


@torch.no_grad()
def _check_ways(promises: Promises, critic: AbstractTimeToGo, here: Tensor, there: Tensor) -> None:
    reached = critic.reaches(here, there)
    promises(tuple(reached.shape) == (NUM,) and reached.dtype == torch.bool, "whether a way is known is a truth value for each pair", reached.shape)
    waypoint = critic.waypoint(here, there, 3.0)
    if waypoint is not None:
        fits = waypoint.ndim == 2 and len(waypoint) == NUM and waypoint.shape[1] >= here.shape[1]
        promises(fits and finite(waypoint), "a waypoint is a belief for each pair, the latent first", list(waypoint.shape))
    free = critic.avoiding(lambda beliefs: torch.zeros(len(beliefs), dtype=torch.bool, device=beliefs.device))
    if free is None:
        return
    promises(near(free(here, there), critic(here, there)), "where nothing is forbidden times are as ever")
    closed = critic.avoiding(lambda beliefs: torch.ones(len(beliefs), dtype=torch.bool, device=beliefs.device))
    assert closed is not None
    promises(not bool(closed.reaches(here, there).any()), "where all is forbidden no way is known")
    promises(finite(closed(here, there)), "times are numbers all the same")


def _check_kept(promises: Promises, critic: AbstractTimeToGo, description: AbstractDescription, here: Tensor, there: Tensor) -> None:
    check_value(description)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "critic"
        save_taught(path, description, critic, tie="a model")
        back = load_taught(path, AbstractTimeToGo, tie="a model")
    with torch.no_grad():
        promises(same(back(here, there), critic(here, there)), "it says the same after being saved and loaded; register what it needs as a buffer")
    promises(same(back.slack, critic.slack), "its slack is saved with it")
