"""The classes of three libraries made the numbers, once: `python tests/golden/lewm.py`. Nothing of theirs is needed here."""

import json
from dataclasses import replace
from functools import lru_cache

import pytest
import torch
from lewm import CANDIDATES, CASES, FILE, HISTORY, HORIZON, TINY, actions, frames, torch_world, weights
from safetensors.torch import save_file

from telos.agent.cost import FinalDistance
from telos.agent.world_model import JEPA
from telos.core.types import Problem, State
from telos.recipes.lewm import Untold, load_lewm

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))
UNTOLD = Untold(image_size=16, num_heads=2, head_size=TINY.head_size, actions="plain")
TOLD = {"torch_world": UNTOLD, "pyjepa": replace(UNTOLD, epsilon=1e-5), "stable_worldmodel": UNTOLD}
AS_PUBLISHED = Untold(actions="plain")
EVERYWHERE = pytest.mark.parametrize("name", GOLDEN)


@lru_cache(maxsize=1)
def model_of(name: str) -> JEPA:
    return load_lewm(weights(GOLDEN[name]["shapes"]), untold=TOLD.get(name, AS_PUBLISHED))


def seen(model: JEPA, pictures: torch.Tensor, context: int) -> State:
    """The state after so many frames, and the actions between them."""
    done = actions(context)[:1, : context - 1]
    state = model.observe(None, None, pictures[:1])
    for time in range(1, context):
        state = model.observe(state, done[:, time - 1], pictures[time : time + 1])
    return state


def agree(found: torch.Tensor, expected: list[float], every: int = 1) -> None:
    torch.testing.assert_close(found.flatten()[::every], torch.tensor(expected), atol=1e-5, rtol=0)


@EVERYWHERE
@torch.no_grad()
def test_latents_are_those_of_the_original(name):
    size = CASES[name][1]
    latents = model_of(name).encoder(frames(size))
    agree(latents, GOLDEN[name]["latents"], size.kept)
    assert latents.std(dim=0).mean() > 1e-3, "pictures that differ"


@EVERYWHERE
@pytest.mark.parametrize("context", range(1, HISTORY + 1))
@torch.no_grad()
def test_imagined_futures_and_energies_are_those_of_the_original_for_every_length_of_history(name, context):
    model, (build, size, _), pictures = model_of(name), CASES[name], frames(CASES[name][1])
    state, tried = seen(model, pictures, context), actions(context)[:, context - 1 :]
    rollout = model.rollout(state, tried)
    assert rollout.latent.shape == (CANDIDATES, HORIZON, size.latent)
    agree(rollout.latent, GOLDEN[name]["rollouts"][context - 1], size.kept)
    assert (rollout.latent[0] - rollout.latent[1]).abs().max() > 1e-3, "actions that matter"
    goal = model.observe(None, None, pictures[-1:])
    energies = FinalDistance().energy(rollout, Problem(state=state.repeat(CANDIDATES), goal=goal.repeat(CANDIDATES))).sum(dim=1)
    expected = torch.tensor(GOLDEN[name]["energies"][context - 1])
    # Ours, and torch-world's, is a mean over the latent's numbers, elsewhere it is their sum.
    agree(energies, (expected if build is torch_world else expected / size.latent).tolist())


@pytest.mark.parametrize("name", TOLD)
@torch.no_grad()
def test_step_by_step_imagines_what_a_rollout_does(name):
    model = model_of(name)
    state, latents = seen(model, frames(TINY), 2).repeat(CANDIDATES), []
    for action in actions(2)[:, 1:].unbind(1):
        state = model.step(state, action)
        latents.append(state.latent)
    agree(torch.stack(latents, dim=1), GOLDEN[name]["rollouts"][1])


@pytest.mark.parametrize("name", TOLD)
def test_files_of_both_kinds_hold_the_same_model(name, tmp_path):
    tensors = weights(GOLDEN[name]["shapes"])
    save_file(tensors, tmp_path / "weights.safetensors")
    torch.save({"state_dict": {f"model.{key}": value for key, value in tensors.items()}, "epoch": 3}, tmp_path / "weights.ckpt")
    for file in ("weights.safetensors", "weights.ckpt"):
        again = load_lewm(tmp_path / file, untold=TOLD[name]).state_dict()
        assert all(torch.equal(value, again[key]) for key, value in model_of(name).state_dict().items())
