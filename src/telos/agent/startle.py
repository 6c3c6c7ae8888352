"""What an agent does while it is startled: the guardrails' fallback, for those who were, until things are as expected again."""

from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from telos.agent.actor.gate import fall_back
from telos.agent.actor.guard import Guard, SafeRest
from telos.agent.merging import merge_plans
from telos.agent.settings import AgentSettings
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.readouts import Knowledge
from telos.core.types import Plan, Problem, Verdict


def check_surprise(settings: AgentSettings, knowledge: Knowledge, *, guarded: bool) -> None:
    """Whether an agent can answer surprises as its settings say.

    Args:
        guarded: whether it has guardrails of its own.

    Raises:
        ConfigError: nobody has measured what is usual; or there is nothing to fall back to.
    """
    if settings.surprise_level > 0 and knowledge.surprise is None:
        raise ConfigError(
            f"The agent is to answer surprises below a p-value of {settings.surprise_level:g}, and nobody has measured what is usual.",
            fix="telos surprise RUN",
        )
    if settings.when_surprised != "fall back":
        return
    if settings.surprise_level == 0:
        raise ConfigError("The agent is to fall back when it is surprised, and nothing surprises it.", fix="AgentSettings(surprise_level=0.01, ...)")
    if not guarded:
        raise ConfigError(
            "The agent is to fall back when it is surprised, and has no guardrails, whose fallback that would be.",
            fix='Agent(knowledge, settings, guardrails=...), or AgentSettings(when_surprised="plan", ...)',
        )


def startled(surprise: Tensor | None, level: float) -> Bool[Tensor, " batch"] | None:
    """Who was surprised by what was seen last; None where nobody was.

    Args:
        surprise: `[batch]`, p-values; None: nobody has measured what is usual.
        level: p-values below it are surprises.
    """
    if surprise is None or level <= 0:
        return None
    rows = surprise < level
    return rows if bool(rows.any()) else None


@torch.no_grad()
def fall_back_where(
    rows: Bool[Tensor, " batch"],
    plan: Plan,
    *,
    world_model: AbstractWorldModel,
    cost: AbstractCost,
    problem: Problem,
    guard: Guard,
    safe_rest: SafeRest | None = None,
) -> Plan:
    """The plan, but the fallback of the guardrails in the rows that were startled.

    A model that has just been wrong is no witness that its plan is safe; a fallback, such as a brake, leans on it the least. The verdict is
    the model's still: what it thinks that the fallback leads to.
    """
    found = rows.nonzero()[:, 0]
    some, horizon = problem.select(found), plan.actions.shape[1]
    rest = None if safe_rest is None else safe_rest.select(found)
    way = fall_back(world_model, some, guard, horizon=horizon, rest=rest)
    rollout = world_model.rollout(some.state, way.actions)
    energies = cost.energy(rollout, some)
    assert plan.verdict is not None
    names = (guardrail.name for guardrail in guard.guardrails)
    worst = dict(zip(names, way.worst.unbind(dim=-1), strict=True))
    verdict = Verdict(feasible=way.safe, fallback=torch.ones_like(way.safe), worst=worst, fingerprint=plan.verdict.fingerprint)
    instead = Plan(way.actions, energies, rollout.latent, verdict=verdict)
    return replace(merge_plans(rows, plan, instead), trace=plan.trace, choice=plan.choice, aim=plan.aim)
