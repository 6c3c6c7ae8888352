"""What a belief is to be: good for what is seen next, whether or not anything is seen now."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.logs import Windows
from telos.core.types import State


@dataclass(frozen=True, kw_only=True)
class Belief(AbstractObjective):
    """Errors of what a belief says of frames before they are seen, and of itself afterwards.

    Three terms: what was imagined, and what was expected of the next frame, against what the frame then showed; and, once the window has
    gone on for a while, the belief's latent against what was expected of it, which counts as a constant. The expectation of a frame does
    not depend on whether that frame happens to hide things, so neither does a belief that comes to the same. The last term asks it of the
    latent of each frame alone, too: the goal, which has no past, then lands where a belief with one does.

    For world models that carry `seen`, `expected` and `alone` (`FilteringJEPA`); of others a latent is all of these.
    """

    after: int = 6
    """Frames of a window after which what is expected is worth learning from."""

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        seen, expected, alone = (states.memory.get(name, states.latent) for name in ("seen", "expected", "alone"))
        first = min(self.after, states.latent.shape[1] - 1)
        known = expected[:, first:].detach()
        ahead = (predictions.latent - seen[:, -predictions.latent.shape[1] :]).square().mean()
        next_one = (expected[:, 1:] - seen[:, 1:]).square().mean()
        itself = (states.latent[:, first:] - known).square().mean() + (alone[:, first:] - known).square().mean()
        return ahead + next_one + itself
