"""Dynamics with a latent variable: what follows when chance falls as it may, and what must have been when it has fallen."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.world_model.chance import AbstractChance, Inferred
from telos.core.contracts import AbstractPredictor, Unrolled


class Known(NamedTuple):
    """All that is known before a step."""

    latent: Float[Tensor, "batch latent"]
    hidden: Float[Tensor, "batch hidden"]
    scenery: Float[Tensor, "batch scenery"]
    action: Float[Tensor, "batch features"]

    @property
    def context(self) -> Float[Tensor, "batch context"]:
        """The same as one row of numbers."""
        return torch.cat(self, dim=-1)

    def acted(self, z: Float[Tensor, "batch z"]) -> Float[Tensor, "batch inputs"]:
        """The action as a predictor is given it, z beside."""
        return torch.cat([self.action, z], dim=-1)


class Dynamics(NamedTuple):
    """A predictor and the latent variable that it is given beside the action."""

    predictor: AbstractPredictor
    chance: AbstractChance

    def foretold(self, known: Known, noise: Float[Tensor, "batch noise"] | None) -> Float[Tensor, "batch inputs"]:
        """The action with z, as chance falls; None: as is likeliest."""
        return known.acted(self.chance.draw(known.context, noise))

    def remembered(self, known: Known, target: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch inputs"]:
        """The action with what z seems to have been, for a hidden state that carries it on."""
        return known.acted(self.chance.guess(known.context, target, lambda z: self._ahead(known, z)))

    def explained(self, known: Known, target: Float[Tensor, "batch latent"]) -> Inferred:
        """What z must have been."""
        return self.chance.infer(known.context, target, lambda z: self._ahead(known, z))

    def unroll(self, latent: Tensor, hidden: Tensor, scenery: Tensor, actions: Tensor, noise: Tensor) -> Unrolled:
        """As `AbstractPredictor.unroll`, step by step, since z depends on what has come of the steps before.

        Args:
            noise: `[batch steps * noise]`, of each start; the likeliest follows where it ends.
        """
        num = actions.shape[0] // latent.shape[0]
        latent, hidden, scenery, noise = (part.repeat_interleave(num, dim=0) for part in (latent, hidden, scenery, noise))
        steps = []
        for action in actions.unbind(1):
            known = Known(latent, hidden, scenery, action)
            now, noise = next_noise(self.chance, noise)
            step = self._one(known, self.foretold(known, now))
            steps.append(step)
            latent, hidden = step.latents[:, 0], step.hiddens[0][:, 0]
        return _joined(steps)

    def explain(self, latent: Tensor, hidden: Tensor, scenery: Tensor, actions: Tensor, targets: Tensor) -> tuple[Unrolled, Tensor]:
        """The same with z inferred from what was seen at each step; and the information of each, `[rows horizon]`."""
        steps, information = [], []
        for action, target in zip(actions.unbind(1), targets.unbind(1), strict=True):
            known = Known(latent, hidden, scenery, action)
            z, told = self.explained(known, target)
            step = self._one(known, known.acted(z))
            steps.append(step)
            information.append(told)
            latent, hidden = step.latents[:, 0], step.hiddens[0][:, 0]
        return _joined(steps), torch.stack(information, dim=1)

    def _ahead(self, known: Known, z: Tensor) -> Tensor:
        """The next latents for several values of z side by side."""
        num = len(z) // len(known.latent)
        known = known if num == 1 else Known(*(part.repeat_interleave(num, dim=0) for part in known))
        return self.predictor(known.latent, known.hidden, known.scenery, known.acted(z))[0]

    def _one(self, known: Known, acted: Tensor) -> Unrolled:
        """One step, by the predictor's own way of unrolling, which knows of disagreement; its hidden state in one part."""
        latents, hiddens, disagreement = self.predictor.unroll(known.latent, known.hidden, known.scenery, acted[:, None])
        return Unrolled(latents, (torch.cat(hiddens, dim=-1) if hiddens else known.hidden[:, None],), disagreement)


def next_noise(chance: AbstractChance, noise: Float[Tensor, "batch _"]) -> tuple[Tensor | None, Tensor]:
    """What decides about the next step, None where nothing is left; and the rest."""
    size = chance.noise_size
    return (noise[:, :size], noise[:, size:]) if noise.shape[1] else (None, noise)


def _joined(steps: list[Unrolled]) -> Unrolled:
    latents, hiddens = torch.cat([step.latents for step in steps], dim=1), torch.cat([step.hiddens[0] for step in steps], dim=1)
    apart = [step.disagreement for step in steps if step.disagreement is not None]
    return Unrolled(latents, (hiddens,), torch.cat(apart, dim=1) if apart else None)
