"""Surprise over several horizons: what was imagined some steps ago, against what is seen now."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, Num
from torch import Generator, Tensor

from telos.core.acting import AbstractSurprise
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.taught import AbstractDescription
from telos.core.types import Batched, State


@dataclass(frozen=True, kw_only=True)
class SurpriseConfig(AbstractDescription):
    """Sizes of a sense of surprise. Raises ConfigError for sizes that cannot be."""

    latent_size: int
    """Numbers of a latent."""
    horizons: tuple[int, ...] = (1, 2, 4, 8)
    """How many steps ago what is compared now was imagined, in ascending order."""
    num_futures: int = 16
    """Futures that are imagined where the model leaves something to chance; what is seen is compared with the nearest of them."""
    num_ranks: int = 1024
    """Held-out values that are kept for each horizon, so that a value can be ranked among them."""
    source: str = ""
    """Which logs it was calibrated on, for people."""

    def __post_init__(self) -> None:
        if not self.horizons or list(self.horizons) != sorted(set(self.horizons)) or self.horizons[0] < 1:
            raise ConfigError(f"Surprise cannot look back over the horizons {self.horizons}.", expected="whole numbers in ascending order, from 1 on")
        if min(self.latent_size, self.num_futures) < 1 or self.num_ranks < 20:
            raise ConfigError(
                f"Surprise cannot have a latent of {self.latent_size} numbers, {self.num_futures} futures and {self.num_ranks} ranks.",
                expected="1 or more of each, and 20 ranks",
            )

    def build(self) -> "Surprise":
        return Surprise(self)


@dataclass(frozen=True)
class Expected(Batched):
    """What was imagined at each of the last steps, for now."""

    states: State
    """`[batch steps*futures ...]`, the newest first: what was imagined one step ago, two steps ago and so on."""
    age: Int[Tensor, " batch"]
    """Steps since the episode began; what would be older than that is not there, though it takes its place."""


class Surprise(AbstractSurprise):
    """How improbable it is what is seen, given all that was imagined of it 1, 2, 4, ... steps ago with the actions that were carried out.

    Each horizon has its error: the squared distance of latents in the unit of what held-out logs show, direction by direction (Mahalanobis),
    so that what is always foretold well counts where it is wrong for once, and what is never foretold does not. Its rank among held-out
    errors is a p-value; beyond the greatest of them the tail goes on as a power law (Hill 1975). The energy is Fisher's sum of their negative
    logarithms, and its own rank among held-out sums is the p-value that counts: errors of several horizons hang together, so no table would do.
    An episode that has just begun is compared with held-out episodes that have as few steps behind them.

    Use several horizons: what a thing hidden behind another does, or a slight drift, shows in the far ones only, a jump in the near ones first.
    Not for scenery that the latent does not hold; what the encoder does not see surprises nobody.

    Source: LeCun (2022), "A Path Towards Autonomous Machine Intelligence", section 4.1: energy as incompatibility of what is seen with what was
    predicted; Riochet et al. (2018), IntPhys, arXiv 1803.07616, for plausibility of what happens; Fisher (1925) for the sum.
    """

    def __init__(self, config: SurpriseConfig) -> None:
        super().__init__()
        self.horizons, self.num_futures = config.horizons, config.num_futures
        num, ranks = len(config.horizons), config.num_ranks
        self.whitening: Tensor
        self.register_buffer("whitening", torch.eye(config.latent_size).expand(num, -1, -1).clone())
        self.error_ranks: Tensor
        self.register_buffer("error_ranks", torch.linspace(0, 1, ranks).expand(num, -1).clone())
        self.tails: Tensor
        self.register_buffer("tails", torch.ones(num))
        self.energy_ranks: Tensor
        self.register_buffer("energy_ranks", torch.linspace(0, 1, ranks).expand(num, -1).clone())

    def begin(self, world_model: AbstractWorldModel, state: State) -> Expected:
        fresh = self._futures(world_model, state)
        nothing = torch.zeros(state.num_rows, dtype=torch.int64, device=state.latent.device)
        return Expected(fresh._map(lambda part: part.repeat_interleave(self.horizons[-1], dim=1)), nothing)

    def expect(self, world_model: AbstractWorldModel, expected: Batched, state: State, action: Num[Tensor, "batch action"]) -> Expected:
        assert isinstance(expected, Expected)
        fresh = self._futures(world_model, state)
        num = expected.states.latent.shape[1]
        together = _join(fresh, expected.states._map(lambda part: part[:, : num - fresh.latent.shape[1]]))
        # All that is still being imagined goes on in one step.
        ahead = world_model.step(together._map(lambda part: part.flatten(0, 1)), action.repeat_interleave(num, dim=0))
        return Expected(_bare(ahead)._map(lambda part: part.unflatten(0, (-1, num))), expected.age + 1)

    def p_value(self, expected: Batched, state: State) -> Float[Tensor, " batch"]:
        return self.rank(self.energy(expected, state), self._known(expected))

    def energy(self, expected: Batched, state: State) -> Float[Tensor, " batch"]:
        """How improbable it is to see `state`, in nats, summed over the horizons; 0 where nothing was expected."""
        return self.by_horizon(expected, state).log().neg().nan_to_num(0.0).sum(dim=1)

    def by_horizon(self, expected: Batched, state: State) -> Float[Tensor, "batch horizons"]:
        """A p-value for each horizon; not a number where the episode is younger than the horizon."""
        errors = self.errors(expected, state)
        found = torch.stack([_tail(errors[:, i], self.error_ranks[i], self.tails[i]) for i in range(len(self.horizons))], dim=1)
        return torch.where(errors.isnan(), errors, found)

    def errors(self, expected: Batched, state: State) -> Float[Tensor, "batch horizons"]:
        """Squared distance between what was expected and what is seen, in the unit of held-out logs; not a number where nothing was."""
        return self._whitened(self.gaps(expected, state)[:, :, None])[:, :, 0].square().mean(dim=-1)

    def gaps(self, expected: Batched, state: State) -> Float[Tensor, "batch horizons latent"]:
        """What is seen, less what was expected; of several futures the nearest counts."""
        assert isinstance(expected, Expected)
        imagined = expected.states.latent.unflatten(1, (self.horizons[-1], -1))
        gaps = state.latent[:, None, None] - imagined[:, [horizon - 1 for horizon in self.horizons]]
        nearest = self._whitened(gaps).square().mean(dim=-1).argmin(dim=-1)
        gaps = gaps.gather(2, nearest[:, :, None, None].expand(-1, -1, 1, gaps.shape[-1]))[:, :, 0]
        horizons = torch.tensor(self.horizons, device=gaps.device)
        return torch.where((horizons <= expected.age[:, None])[:, :, None], gaps, torch.nan)

    def rank(self, energy: Float[Tensor, " batch"], known: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Share of held-out steps, of episodes for which as many horizons are known, whose energy is no less."""
        table = torch.cat([self.energy_ranks.new_zeros(1, self.energy_ranks.shape[1]), self.energy_ranks]).to(energy)[known]
        above = (table >= energy[:, None]).sum(dim=1)
        return torch.where(known == 0, torch.ones_like(energy), (above + 1).to(energy) / (table.shape[1] + 1))

    def _whitened(self, gaps: Float[Tensor, "batch horizons futures latent"]) -> Float[Tensor, "batch horizons futures latent"]:
        return torch.einsum("bhfl,hlm->bhfm", gaps, self.whitening.to(gaps))

    def _known(self, expected: Batched) -> Int[Tensor, " batch"]:
        """How many horizons there are for each episode so far."""
        assert isinstance(expected, Expected)
        return (torch.tensor(self.horizons, device=expected.age.device) <= expected.age[:, None]).sum(dim=1)

    def _futures(self, world_model: AbstractWorldModel, state: State) -> State:
        """`[batch futures ...]`: where imagination begins; once for a model that leaves nothing to chance."""
        # The same chances at every step: a p-value has none of its own.
        generator = Generator(device=state.latent.device).manual_seed(0)
        drawn = world_model.futures(state, self.horizons[-1], self.num_futures, generator)
        return _bare(state if drawn is None else drawn)._map(lambda part: part.unflatten(0, (state.num_rows, -1)))


def _bare(state: State) -> State:
    """Without what was read from it: a state that is kept, or joined to others, would carry that along."""
    return replace(state, readings={})


def _join(new: State, old: State) -> State:
    """Side by side along the second axis, the new ones first."""
    memory = {name: torch.cat([part, old.memory[name]], dim=1) for name, part in new.memory.items()}
    return State(torch.cat([new.latent, old.latent], dim=1), torch.cat([new.belief, old.belief], dim=1), memory)


def _tail(errors: Float[Tensor, " batch"], held_out: Float[Tensor, " ranks"], index: Float[Tensor, ""]) -> Float[Tensor, " batch"]:
    """Share of held-out errors that are as great; beyond the greatest of them it falls on with that power of the error."""
    errors, held_out = errors.contiguous(), held_out.to(errors)
    at_least = len(held_out) - torch.searchsorted(held_out, errors.nan_to_num(0.0)) + 1
    beyond = (errors / held_out[-1].clamp_min(1e-12)).clamp_min(1.0)
    return at_least.to(errors) / (len(held_out) + 1) * beyond.pow(-index.to(errors))
