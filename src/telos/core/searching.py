"""What a search may ask of the world; the other side of a planner."""

from abc import ABC, abstractmethod

from jaxtyping import Float, Int, Num
from torch import Tensor

from telos.core.spaces import ActionSpace


class AbstractEvaluator(ABC):
    """What a search may ask of the world: the energy of candidates, and whether there is time left."""

    action_space: ActionSpace
    num_problems: int
    fixed_work: bool = False
    """Whether how much is computed may not depend on what is found, as in a graph that is captured once for all data."""

    @abstractmethod
    def __call__(self, actions: Num[Tensor, "batch num horizon action"]) -> Float[Tensor, "batch num"]:
        """Energy of every candidate, in one batch. No gradient."""

    @abstractmethod
    def value_and_slope(
        self, actions: Float[Tensor, "batch num horizon action"]
    ) -> tuple[Float[Tensor, "batch num"], Float[Tensor, "batch num horizon action"]]:
        """Energy of every candidate, and its gradient: finite, and zero where the energy is not. Memory does not grow with `num`."""

    @abstractmethod
    def latents(self, actions: Num[Tensor, "batch num horizon action"]) -> Float[Tensor, "batch num horizon latent"]:
        """What every candidate leads to, step by step. No gradient."""

    @abstractmethod
    def virtual(
        self, latents: Float[Tensor, "batch num horizon latent"], actions: Num[Tensor, "batch num horizon action"]
    ) -> tuple[Float[Tensor, "batch num"], Float[Tensor, "batch num"]]:
        """Energy of supposed futures, and how far each is from one that could be, with gradients to both.

        The second is `|latents[t + 1] - model(latents[t], actions[t])|^2`, the mean over the latent's numbers, summed over the
        steps. All steps are predicted in one pass.
        """

    @abstractmethod
    def among(self, rows: Int[Tensor, " some"]) -> "AbstractEvaluator":
        """The same for some of the problems only, when the search for the others has come to an end."""

    @abstractmethod
    def out_of_time(self, num_candidates: int = 0) -> bool:
        """Whether the budget is used up, or would be once so many more candidates (per problem) were judged.

        A search asks before every round, the first one too, and when the answer is yes returns the best it has: then what is
        left of the previous plan may be all.
        """

    @abstractmethod
    def stopped(self, reason: str) -> None:
        """Notes why the search ends before its last round, for the trace, such as `elites agree`."""

    @abstractmethod
    def record(self, best: Float[Tensor, " batch"]) -> None:
        """Notes the least energies after an iteration, for the trace."""
