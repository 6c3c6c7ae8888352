"""Anticipated feelings: how a step looks from within, before its action has led anywhere."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.aims import aims_to_json
from telos.agent.loop import Agent
from telos.agent.memory import Recollection, RememberingModel, recollection
from telos.core.types import Aim, Batched, Choice, Feelings, Plan, Verdict

AS_ALWAYS = "always by search"
"""Why a plan was searched for by an agent that knows no other way."""
PLANNED, REACTED = "plan", "react"


@dataclass(frozen=True, kw_only=True)
class Moments(Batched):
    """One step of a batch of episodes: what the agent expects of it, what it noticed, and how it came to do what it does.

    Source: LeCun (2022), "A Path Towards Autonomous Machine Intelligence", section 8.2: emotions as anticipations of outcome by the cost.
    """

    decided: bool
    """Whether a plan was made at this step; else an earlier one is carried on with, and what was felt about it then still stands."""
    num_searched: int
    """Episodes for which it took a search, just now."""
    choice: Choice
    """Whether by search or by the policy, and why."""
    feelings: Feelings
    """What is expected of the plan."""
    verdict: Verdict | None = None
    """What the gate found; None: there are no guardrails."""
    surprise: Float[Tensor, " batch"] | None = None
    """How usual it was what was seen, as a p-value; None: nobody has measured what is usual."""
    memory: Recollection | None = None
    """What is remembered; None: there is no episodic memory."""
    aim: Aim | None = None
    """What the plan serves, and in `aim.plan.aim` what that serves; None: there is one level."""
    since: int = 0
    """Steps since the plan was made."""

    @property
    def num_rows(self) -> int:
        return len(self.choice.planned)

    def to_json(self, row: int) -> dict[str, Any]:
        """One episode's moment; what there is none of is None.

        `guardrail` is the one that comes nearest to being broken ahead, and `guardrail_value` its greatest value on the way, margin
        included: above 0 it would be broken. `remembered` counts the entries of an episodic memory; `recalled` says how far something was
        remembered about the action that led here, from 0 to 1. `levels` is what each level above the lowest has in mind, as
        `telos.agent.aims.aims_to_json` tells.
        """
        feelings, verdict = self.feelings, self.verdict
        nearest = None if verdict is None else max(verdict.worst, key=lambda name: float(verdict.worst[name][row]), default=None)
        return {
            "mode": PLANNED if bool(self.choice.planned[row]) else REACTED,
            "why": self.choice.reasons[int(self.choice.reason[row])],
            "decided": self.decided,
            "best": float(feelings.best[row]),
            "mean": float(feelings.mean[row]),
            "worst": float(feelings.worst[row]),
            "disagreement": None if feelings.disagreement is None else float(feelings.disagreement[row]),
            "guardrail": nearest,
            "guardrail_value": None if verdict is None or nearest is None else float(verdict.worst[nearest][row]),
            "fallback": None if verdict is None else bool(verdict.fallback[row]),
            "surprise": None if self.surprise is None else float(self.surprise[row]),
            "remembered": None if self.memory is None else int(self.memory.stored[row]),
            "recalled": None if self.memory is None else float(self.memory.recalled[row]),
            "levels": aims_to_json(self.aim, row, since=self.since),
        }


def moments_of(agent: Agent) -> Moments | None:
    """The step for which `agent.act` has just returned an action, a row for each of its episodes; None before the first."""
    plan, left = agent.last_plan, agent.planned
    if plan is None or left is None:
        return None
    return Moments(
        # Whoever decides anew takes some time for it, however little.
        decided=agent.last_cpu_seconds > 0,
        num_searched=agent.num_planned,
        choice=_as_always(plan) if plan.choice is None else plan.choice,
        feelings=_felt_along(plan.energies) if plan.feelings is None else plan.feelings,
        verdict=plan.verdict,
        surprise=agent.surprise,
        memory=recollection(agent.state) if isinstance(agent.world_model, RememberingModel) and agent.state is not None else None,
        aim=plan.aim,
        # The action that has just been returned is no more among those that are left.
        since=plan.actions.shape[1] - left.shape[1] - 1,
    )


def _as_always(plan: Plan) -> Choice:
    planned = torch.ones(len(plan.actions), dtype=torch.bool, device=plan.actions.device)
    return Choice(planned=planned, reason=torch.zeros_like(planned, dtype=torch.long), reasons=(AS_ALWAYS,))


def _felt_along(energies: Float[Tensor, "batch horizon"]) -> Feelings:
    """Where there is one future only, over the steps ahead alone."""
    return Feelings(best=energies.amin(dim=1), mean=energies.mean(dim=1), worst=energies.amax(dim=1))
