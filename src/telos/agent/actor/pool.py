"""All that a search has judged, as far as it matters for choosing a plan that is safe."""

import math

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

MEMORY = 1 << 22
"""Numbers that candidates may take before all but the best are forgotten."""
KEPT = 256
"""Candidates of each problem that are kept then."""


class Pool:
    """Candidates of every round, whatever planner drew them."""

    def __init__(self, num_problems: int) -> None:
        self.num_problems = num_problems
        self._entries: list[tuple[Tensor, Tensor]] = []
        self._held = 0

    def add(
        self, actions: Num[Tensor, "batch num horizon action"], energies: Float[Tensor, "batch num"], rows: Int[Tensor, " batch"] | None = None
    ) -> None:
        """Takes candidates; infinite energies are never chosen.

        Args:
            rows: the problems that they are for; None: all.
        """
        actions, energies = actions.detach(), energies.detach()
        if rows is not None:
            whole = actions.new_zeros(self.num_problems, *actions.shape[1:])
            missing = energies.new_full((self.num_problems, energies.shape[1]), math.inf)
            actions, energies = whole.index_copy(0, rows, actions), missing.index_copy(0, rows, energies)
        self._entries.append((actions, energies))
        self._held += actions.numel()
        if self._held > MEMORY and len(self._entries) > 1:
            best = self.best(KEPT)
            self._entries, self._held = [best], best[0].numel()

    def best(self, num: int) -> tuple[Num[Tensor, "batch kept horizon action"], Float[Tensor, "batch kept"]]:
        """The candidates of least energy, best first, and their energies; fewer if there are not so many."""
        energies = torch.cat([energies for _, energies in self._entries], dim=1)
        least = energies.topk(min(num, energies.shape[1]), dim=1, largest=False)
        actions = torch.cat([actions for actions, _ in self._entries], dim=1)
        index = least.indices[..., None, None].expand(-1, -1, *actions.shape[2:])
        return actions.gather(1, index), least.values

    def __bool__(self) -> bool:
        return bool(self._entries)
