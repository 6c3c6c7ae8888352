"""What every episodic memory promises."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from telos.core.memory import AbstractMemory, Entries
from telos.testing.promises import Promises
from telos.testing.trees import finite, near, same, snapshot

NUM, LATENT, ACTION = 5, 4, 2
MANY = 40
"""More experiences than a memory has room for, one hopes."""


def check_memory(memory: AbstractMemory, *, seed: int = 0) -> None:
    """The promises of a memory: nothing from nothing, what was written comes back where it was, rows apart, room for ever, forgetting.

    Args:
        memory: a module, with keys for latents of 4 numbers and actions of 2.
        seed: of what is remembered.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(memory)
    promises(isinstance(memory, nn.Module), "a memory is a module, so that a seal can watch it")
    promises(float(memory.threshold) > 0, "there is a threshold, above 0", memory.threshold)
    generator = torch.Generator().manual_seed(seed)
    latent, action = torch.randn(NUM, LATENT, generator=generator), torch.randn(NUM, ACTION, generator=generator)
    keys, values = memory.key(latent, action), torch.randn(NUM, LATENT, generator=generator)
    nothing = memory.begin(NUM, keys.shape[1], LATENT, latent)
    everyone, nobody = torch.ones(NUM, dtype=torch.bool), torch.zeros(NUM, dtype=torch.bool)
    before = snapshot((nothing, keys, values))
    _check_nothing(promises, memory, nothing, keys, values, nobody)
    written = memory.write(nothing, keys, values, everyone)
    found = memory.read(written, keys)
    promises(near(found.value, values) and near(found.weight, torch.ones(NUM)), "what was written is read in the same place", found.weight)
    promises(same(snapshot((nothing, keys, values)), before), "nothing is altered in place")
    far = memory.read(written, memory.key(latent + 1e4, action))
    promises(bool((far.weight < 1e-3).all()), "far from where it was written it does not matter", far.weight)
    _check_rows(promises, memory, written, keys, values, nothing)
    less = memory.read(memory.contradict(written, keys, everyone), keys)
    promises(bool((less.weight < found.weight).all()), "what was contradicted is believed less", less.weight)
    promises(same(memory.contradict(written, keys, nobody), written), "where nothing is contradicted nothing changes")
    promises(bool((memory.age(written).ages >= written.ages).all()), "entries grow no younger", memory.age(written).ages)
    _check_room(promises, memory, nothing, generator)


def _check_nothing(promises: Promises, memory: AbstractMemory, nothing: Entries, keys: Tensor, values: Tensor, nobody: Tensor) -> None:
    found = memory.read(nothing, keys)
    promises(bool((found.value == 0).all() and (found.weight == 0).all()), "who remembers nothing reads nothing", found)
    promises(same(memory.write(nothing, keys, values, nobody), nothing), "where nothing is to be written nothing is")
    promises(bool((memory.age(nothing).strengths == 0).all()), "nothing comes of age")


def _check_rows(promises: Promises, memory: AbstractMemory, written: Entries, keys: Tensor, values: Tensor, nothing: Entries) -> None:
    alone = memory.write(nothing.select(slice(1, 2)), keys[1:2], values[1:2], torch.ones(1, dtype=torch.bool))
    promises(near(alone, written.select(slice(1, 2))), "a row of a batch remembers like the row alone")
    beside = memory.read(written, keys.repeat_interleave(3, dim=0))
    each = memory.read(written, keys)
    promises(near(beside.value[1::3], each.value) and near(beside.weight[1::3], each.weight), "questions side by side are answered like one")


def _check_room(promises: Promises, memory: AbstractMemory, nothing: Entries, generator: torch.Generator) -> None:
    entries, everyone = nothing, torch.ones(NUM, dtype=torch.bool)
    for number in range(MANY):
        place = torch.full((NUM, LATENT), 1e3 * (number + 1))
        key, value = memory.key(place, torch.zeros(NUM, ACTION)), torch.randn(NUM, LATENT, generator=generator)
        entries = memory.write(memory.age(entries), key, value, everyone)
        promises(near(memory.read(entries, key).value, value), "there is always room for what is new", f"not for number {number + 1}")
    promises(entries.keys.shape == nothing.keys.shape, "a memory keeps its size", list(entries.keys.shape))
    promises(finite(replace(entries)), "entries are finite")
