"""The values that travel between the rooms. All are frozen; whatever changes is returned as a new value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor, nn

Observation = Tensor | Mapping[str, Tensor]
"""What a sensor saw, `[*batch ...]`, or a flat named tree of such tensors. Nothing behind the encoder sees it."""


class Batched:
    """A frozen dataclass whose tensors, and whose parts, share their first axis."""

    def select(self, index: Tensor | slice) -> Self:
        """The rows at `index`, a boolean mask, integers or a slice."""
        return self._map(lambda tensor: tensor[index])

    def repeat(self, num: int) -> Self:
        """Each row `num` times, side by side: `[batch ...]` becomes `[batch * num ...]`."""
        if num == 1:
            return self
        # One row is only looked at several times; where there are more, rows side by side take memory of their own.
        return self._map(lambda tensor: tensor.expand(num, *tensor.shape[1:]) if tensor.shape[0] == 1 else tensor.repeat_interleave(num, dim=0))

    def to(self, device: torch.device | str) -> Self:
        """The same value on another device."""
        return self._map(lambda tensor: tensor.to(device))

    def _map(self, function) -> Self:
        changes = {name: _map_value(value, function) for name, value in vars(self).items() if _holds_tensors(value)}
        return replace(self, **changes)  # type: ignore[type-var]


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, (Mapping, tuple)):
        # Empty ones too: what is read later of some rows must not be found by others.
        return not value or any(isinstance(part, Tensor) for part in (value.values() if isinstance(value, Mapping) else value))
    return isinstance(value, (Tensor, Batched))


def _map_value(value: Any, function) -> Any:
    if isinstance(value, Batched):
        return value._map(function)
    if isinstance(value, Mapping):
        return {name: function(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(function(part) for part in value)
    return function(value)


@dataclass(frozen=True)
class State(Batched):
    """What an agent believes. Opaque but for two views; what else a world model carries from step to step is its own affair."""

    latent: Float[Tensor, "*batch latent"]
    """What one frame shows; distances are measured here."""
    belief: Float[Tensor, "*batch belief"]
    """The latent and everything that a single frame does not hold, such as velocity or scenery; readouts read here."""
    memory: Mapping[str, Float[Tensor, "*batch _"]] = field(default_factory=dict)
    """Private to the world model that made the state."""
    readings: dict[nn.Module, Tensor] = field(default_factory=dict, repr=False, compare=False)
    """What `read` has found already."""

    def read(self, readout: nn.Module) -> Float[Tensor, "*batch size"]:
        """A quantity of this state; whoever asks for it again gets the same numbers for nothing."""
        return _read_once(self.readings, readout, self)

    def at(self, time: int) -> "State":
        """The state of frame `time` of a window: `[batch time ...]` becomes `[batch ...]`."""
        return self._map(lambda tensor: tensor[:, time])

    @property
    def num_rows(self) -> int:
        return self.latent.shape[0]


@dataclass(frozen=True)
class Rollout(Batched):
    """An imagined future: what follows `actions`, one state per action."""

    latent: Float[Tensor, "batch horizon latent"]
    """`latent[:, t]` is what `actions[:, t]` leads to."""
    actions: Num[Tensor, "batch horizon action"]
    """In the environment's units; integers if discrete."""
    beyond: tuple[Float[Tensor, "batch horizon _"], ...] = ()
    """What beliefs hold beside the latent, part by part; views of something smaller where they can be."""
    disagreement: Float[Tensor, "batch horizon"] | None = None
    """How far the members of an ensemble disagree about each step: the variance of their latents, the mean over the latent's numbers;
    None: there is one model only."""
    information: Float[Tensor, "batch horizon"] | None = None
    """In training: what a latent variable told of each step beyond what could have been known before, in nats; None: there is none."""
    readings: dict[nn.Module, Tensor] = field(default_factory=dict, repr=False, compare=False)
    """What `read` has found already."""

    def read(self, readout: nn.Module) -> Float[Tensor, "batch horizon size"]:
        """A quantity along the way; costs and guardrails that speak of the same one share the work."""
        return _read_once(self.readings, readout, self)

    @property
    def belief(self) -> Float[Tensor, "batch horizon belief"]:
        """Put together only when somebody reads it: a search judges thousands of futures, mostly by their latents."""
        return torch.cat([self.latent, *self.beyond], dim=-1) if self.beyond else self.latent

    @property
    def horizon(self) -> int:
        return self.actions.shape[1]


def _read_once(readings: dict[nn.Module, Tensor], readout: nn.Module, where: "State | Rollout") -> Tensor:
    if readout not in readings:
        readings[readout] = readout(where.belief)
    return readings[readout]


@dataclass(frozen=True, kw_only=True)
class Problem(Batched):
    """What to plan for, now: a batch of starts, each with its goal."""

    state: State
    goal: State | None = None
    """Where to go, encoded once; None for tasks that are not about a place."""
    previous_action: Num[Tensor, "batch action"] | None = None
    """What was done last, for smoothness; None at the first step."""
    progress: Any = None
    """How far the task has come: None, a tensor, or a `Batched` value; for costs of the task's own."""
    watch: Mapping[str, Float[Tensor, "batch memory"]] = field(default_factory=dict)
    """What each guardrail remembers of the episode, by its name."""
    budget_ms: float | None = None
    """Wall-clock time for the whole batch of plans, from the encoded state to the finished plan; None: until the planner is through."""

    @property
    def num_rows(self) -> int:
        return self.state.num_rows


@dataclass(frozen=True)
class PlanTrace:
    """How a plan was found."""

    best: tuple[Float[Tensor, " batch"], ...] = ()
    """Least energy seen after each iteration."""
    num_candidates: int = 0
    """Action sequences judged, per problem."""
    seconds: float = 0.0
    """Wall-clock time for the whole batch."""
    stopped: str = "finished"
    """`finished`; the planner's own reason, such as `elites agree`; `out of time`: the best plan so far was returned; or
    `no time: warm start` and `no time: rest`: there was no time for a single round."""
    made: str = "now"
    """`now`; `ahead`: while the last action was carried out; `ahead, 2 of 3 anew`: what these saw was not what had been expected."""
    why: tuple[str, ...] = ()
    """What the configurator decided, and why."""


@dataclass(frozen=True)
class Verdict(Batched):
    """What the gate found: whether a plan, followed by a fallback, stays inside of every guardrail."""

    feasible: Bool[Tensor, " batch"]
    """Whether it does, in imagination and with margins; or, where the present is outside already, whether it leads back without going farther
    out (`worst` is then above 0)."""
    fallback: Bool[Tensor, " batch"]
    """Whether no candidate did, so that the plan is the fallback itself."""
    worst: Mapping[str, Float[Tensor, " batch"]]
    """The greatest value of each guardrail on that way, margin included: above 0 it is broken."""
    fingerprint: str
    """Of the guardrails that were in force, and of all that they rest on."""


@dataclass(frozen=True)
class Choice(Batched):
    """How each episode's plan was come by, and why."""

    planned: Bool[Tensor, " batch"]
    """Whether by search (Mode 2); else the policy acts (Mode 1)."""
    reason: Int[Tensor, " batch"]
    """Place of the reason in `reasons`."""
    reasons: tuple[str, ...]
    """In a few words for people, such as `surprised`."""


@dataclass(frozen=True)
class Feelings(Batched):
    """What the agent expects of its plan, before it has moved: over all steps ahead, and over all futures where there are several.

    Source: LeCun (2022), "A Path Towards Autonomous Machine Intelligence", section 8.2: emotions as anticipations of outcome by the cost.
    """

    best: Float[Tensor, " batch"]
    """Least energy of a step ahead, in the best of the futures."""
    mean: Float[Tensor, " batch"]
    """Mean energy of a step ahead."""
    worst: Float[Tensor, " batch"]
    """Greatest energy of a step ahead, in the worst of the futures."""
    disagreement: Float[Tensor, " batch"] | None = None
    """How far the members of an ensemble disagree at most along the plan; None: there is no ensemble."""


@dataclass(frozen=True)
class Plan(Batched):
    """What to do next, and what the agent expects of it."""

    actions: Num[Tensor, "batch horizon action"]
    """In the environment's units, within its bounds."""
    energies: Float[Tensor, "batch horizon"]
    """Energy per step; it judges the state that the action of that step leads to."""
    imagined: Float[Tensor, "batch horizon latent"]
    """The latents that the agent expects on its way."""
    trace: PlanTrace = field(default_factory=PlanTrace)
    verdict: Verdict | None = None
    """None: there are no guardrails."""
    choice: Choice | None = None
    """None: by search, as always."""
    feelings: Feelings | None = None
    """None: the plan was not looked at in this way."""
    aim: "Aim | None" = None
    """What it serves: the plan of the level above; None: it goes for the task itself, as do all plans where there is one level."""

    @property
    def energy(self) -> Float[Tensor, " batch"]:
        return self.energies.sum(dim=1)

    def shift(self, num_steps: int) -> "Plan":
        """The rest of the plan after `num_steps`, the last action held to the end: the next search's warm start."""
        kept = min(num_steps, self.actions.shape[1])
        parts = {name: _shift(getattr(self, name), kept) for name in ("actions", "energies", "imagined")}
        return replace(self, **parts, aim=None if self.aim is None else self.aim.later(num_steps))


@dataclass(frozen=True, kw_only=True)
class Aim(Batched):
    """Where a plan goes: a state that the plan of the level above expects to come through. Aims lead up to the task, so that a plan is a tree:
    every step of an upper plan is what a plan below goes for."""

    plan: Plan
    """Of the level above: `actions` are its macro-actions, `imagined` its latents; `plan.aim` leads further up, None at the top."""
    subgoals: Float[Tensor, "batch horizon belief"]
    """For each step of that plan the real state, seen in logs, that comes nearest to what is imagined: a belief of the lowest level."""
    step: Int[Tensor, " batch"]
    """Which of these is gone for now."""
    toward: Float[Tensor, "batch latent"]
    """The same as the level above sees it: there the plan below is compared with it."""
    age: Int[Tensor, " batch"]
    """Steps of the world since that plan was made."""
    helps: Bool[Tensor, " batch"]
    """Whether this level is of use: where it is not, the plan below goes for what this level would have gone for."""
    reason: Int[Tensor, " batch"]
    """Why it is, or is not: a place in `reasons`."""
    reasons: tuple[str, ...]
    """In a few words for people, such as `the goal is 74 steps away`."""
    goal: Float[Tensor, "batch belief"] | None = None
    """What the plan above goes for itself: a belief of the lowest level; where that moves, the plan is made anew."""

    def later(self, num_steps: int) -> "Aim":
        """The same after some steps of the world, and all that it serves in turn."""
        above = self.plan.aim
        plan = self.plan if above is None else replace(self.plan, aim=above.later(num_steps))
        return replace(self, plan=plan, age=self.age + num_steps)


def _shift(tensor: Tensor, num_steps: int) -> Tensor:
    last = tensor[:, -1:]
    return torch.cat([tensor[:, num_steps:], last.expand(-1, num_steps, *last.shape[2:])], dim=1)
