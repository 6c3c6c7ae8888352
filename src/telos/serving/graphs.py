"""Encoder, step, search and policy as graphs that run with torch alone: no Telos, no Python classes, no generator."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jaxtyping
import torch
from torch import Tensor, nn

import telos
from telos.agent.actor import make_plan
from telos.agent.loop import Agent, AgentSettings
from telos.core.acting import AbstractPolicy
from telos.core.action_box import ActionBox
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.errors import ConfigError, GuardrailError
from telos.core.folders import new_folder
from telos.core.logs import map_tree
from telos.core.products import plain_products
from telos.core.seeding import torch_generator
from telos.core.spaces import ObservationSpace, PixelSpace, TreeSpace
from telos.core.types import Observation, Problem, State
from telos.serving.chance import ChanceTape

BATCHES = (1, 2, 5)
"""Sizes that a graph is compared at; it was captured at another one."""
TOLERANCE = 1e-5
"""Largest difference to the model, as a share of the largest number; both compute in single precision, perhaps in another order."""
MANIFEST = "graphs.json"


class EncoderGraph(nn.Module):
    """`observation -> (latent, belief, memory...)`, as at the start of an episode."""

    def __init__(self, world_model: AbstractWorldModel) -> None:
        super().__init__()
        self.world_model = world_model

    def forward(self, observation: Observation) -> tuple[Tensor, ...]:
        return _flat(self.world_model.observe(None, None, observation))


class StepGraph(nn.Module):
    """`(latent, belief, memory..., action) -> (latent, belief, memory...)`, the action in the environment's units."""

    def __init__(self, world_model: AbstractWorldModel, memory: tuple[str, ...]) -> None:
        super().__init__()
        self.world_model, self.memory = world_model, memory

    def forward(self, state: tuple[Tensor, ...], action: Tensor) -> tuple[Tensor, ...]:
        latent, belief, *memory = state
        return _flat(self.world_model.step(State(latent, belief, dict(zip(self.memory, memory, strict=True))), action))


class PolicyGraph(nn.Module):
    """`(observation, goal, noise [numbers]) -> action [1 action]`: the whole search of the agent's planner, from one frame.

    It does the work of a plan without a budget and without a warm start.
    """

    def __init__(self, world_model: AbstractWorldModel, settings: AgentSettings, drives: AbstractCost | None = None) -> None:
        super().__init__()
        self.world_model, self.settings = world_model, settings
        self.cost = settings.cost if drives is None else settings.cost + drives

    def forward(self, observation: Observation, goal: Observation, noise: Tensor) -> Tensor:
        with ChanceTape(noise):
            return self.plan(observation, goal)

    def plan(self, observation: Observation, goal: Observation) -> Tensor:
        """The first action, with whatever chance there is."""
        model = self.world_model
        problem = Problem(state=model.observe(None, None, observation), goal=model.observe_goal(goal))
        # What it draws is on the tape; the generator only says where.
        generator = torch.Generator(device=problem.state.latent.device)
        cost, planner = self.cost, self.settings.planner
        return make_plan(planner, world_model=model, cost=cost, problem=problem, generator=generator, fixed_work=True).actions[:, 0]


class ReactGraph(nn.Module):
    """`(observation, goal) -> action`: the action that a policy prefers in a frame, without any search."""

    def __init__(self, world_model: AbstractWorldModel, policy: AbstractPolicy) -> None:
        super().__init__()
        self.world_model, self.policy = world_model, policy

    def forward(self, observation: Observation, goal: Observation) -> Tensor:
        model = self.world_model
        return self.policy.act(Problem(state=model.observe(None, None, observation), goal=model.observe_goal(goal)))


@dataclass(frozen=True)
class Graph:
    """One exported graph."""

    name: str
    file: str
    inputs: dict[str, list[Any]]
    """Shapes; `batch` is any number of rows."""
    outputs: dict[str, list[Any]]
    difference: float
    """Largest difference to the model it was made from, as a share of the largest number."""
    checksum: str


@torch.no_grad()
def export_graphs(agent: Agent, out: Path, *, seed: int = 0) -> list[Graph]:
    """Writes `encoder.pt2`, `step.pt2`, `policy.pt2` (the whole search) and `graphs.json`; and `react.pt2`, if the agent was taught to act
    without a search. Each graph is compared with the model before it is kept.

    Raises:
        DataError: `out` is taken, or cannot be written.
        GuardrailError: the agent has guardrails: their gate does not fit into a graph, and a policy without it would break them.
        ConfigError: a graph cannot be captured, or computes something else.
    """
    if agent.guardrails:
        names = ", ".join(f"'{guardrail.name}'" for guardrail in agent.guardrails)
        raise GuardrailError(
            f"A graph of this agent would not know of its guardrails: {names}.",
            fix="serve the agent itself, with telos serve RUN; or export a run without any",
        )
    disabled = jaxtyping.config.jaxtyping_disable
    try:
        jaxtyping.config.update("jaxtyping_disable", True)
        with new_folder(out) as unfinished:
            graphs = list(_export_all(agent, unfinished, seed))
            content = {"telos": telos.__version__, "torch": torch.__version__, "spaces": agent.world_model.spaces.to_json()}
            (unfinished / MANIFEST).write_text(json.dumps({**content, "graphs": [asdict(graph) for graph in graphs]}, indent=1), encoding="utf-8")
    finally:
        jaxtyping.config.update("jaxtyping_disable", disabled)
    return graphs


def _export_all(agent: Agent, out: Path, seed: int):
    model, generator = agent.world_model, torch_generator(seed, "export")
    space, action = model.spaces.observation, model.spaces.action

    def observations(num: int) -> Observation:
        return _draw(space, num, generator)

    def actions(num: int) -> Tensor:
        return ActionBox(action).to_actions(torch.rand(num, *action.shape, generator=generator) * 2 - 1)

    policy = PolicyGraph(model, agent.settings, agent.drives)
    example = observations(1), observations(1)
    with ChanceTape(None) as tape:
        policy.plan(*example)
    if tape.follows_gradients:
        raise ConfigError(
            "The policy cannot be captured as one graph: its planner follows gradients.",
            fix="choose one that only samples, such as --planner mppi",
        )
    state = model.observe(None, None, observations(3))
    memory = tuple(sorted(state.memory))
    parts = ["latent", "belief", *memory]
    encoder, step = EncoderGraph(model), StepGraph(model, memory)
    shapes = {name: ["batch", *part.shape[1:]] for name, part in zip(parts, _flat(state), strict=True)}
    seen = {"observation": _shape_of(space)}
    yield _export("encoder", encoder, lambda num: (observations(num),), out, seen, shapes)
    done = {**shapes, "action": ["batch", *action.shape]}
    yield _export("step", step, lambda num: (encoder(observations(num)), actions(num)), out, done, shapes)
    one = {"observation": _shape_of(space, 1), "goal": _shape_of(space, 1), "noise": [tape.used]}
    noises = lambda num: (observations(1), observations(1), torch.randn(tape.used, generator=generator))  # noqa: E731
    yield _export("policy", policy, noises, out, one, {"action": [1, *action.shape]}, dynamic=False)
    if agent.knowledge.policy is not None:
        react = ReactGraph(model, agent.knowledge.policy)
        # What it keeps from its first call on, such as bounds, must be real tensors, and not those of the capture.
        react(observations(1), observations(1))
        both = {"observation": _shape_of(space), "goal": _shape_of(space)}
        yield _export("react", react, lambda num: (observations(num), observations(num)), out, both, {"action": ["batch", *action.shape]})


def _export(
    name: str, module: nn.Module, draw: Callable[[int], tuple[Any, ...]], out: Path, inputs: dict, outputs: dict, *, dynamic: bool = True
) -> Graph:
    example = draw(3)
    rows = torch.export.Dim("batch", min=1, max=1 << 20)
    shapes = _each(lambda leaf: {0: rows}, example) if dynamic else None
    try:
        program = torch.export.export(module, example, dynamic_shapes=shapes)
    except Exception as error:
        reason = str(error).strip().partition(". ")[0].partition("\n")[0].rstrip(".")
        raise ConfigError(
            f"The {name} cannot be captured as one graph: {reason}.", fix="write its forward without Python that depends on data"
        ) from error
    captured = program.module()
    # A search is a cascade of comparisons: both sides take torch's plain products, so that rounding cannot tip one of them.
    with plain_products():
        difference = max(_difference(captured(*given), module(*given)) for given in map(draw, BATCHES))
    if not difference <= TOLERANCE:
        raise ConfigError(
            f"The graph of the {name} differs from the model by {difference:.2g} of its largest number.", expected=f"{TOLERANCE:g} or less"
        )
    file = out / f"{name}.pt2"
    torch.export.save(program, file)
    checksum = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
    return Graph(name, file.name, inputs, outputs, difference, checksum)


def _difference(left: Any, right: Any) -> float:
    pairs = zip(left, right, strict=True) if isinstance(left, tuple) else [(left, right)]
    gaps = [float((a.double() - b.double()).abs().max() / b.double().abs().max().clamp_min(1e-12)) for a, b in pairs if a.numel()]
    return max(gaps, default=0.0)


def _flat(state: State) -> tuple[Tensor, ...]:
    return (state.latent, state.belief, *(state.memory[name] for name in sorted(state.memory)))


def _each(function: Callable[[Tensor], Any], value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_each(function, part) for part in value)
    if isinstance(value, dict):
        return {name: _each(function, part) for name, part in value.items()}
    return function(value)


def _draw(space: ObservationSpace, num: int, generator: torch.Generator) -> Observation:
    if isinstance(space, TreeSpace):
        return {name: _draw(part, num, generator) for name, part in space.spaces.items()}  # type: ignore[return-value]
    if isinstance(space, PixelSpace):
        return torch.randint(256, (num, *space.shape), generator=generator, dtype=torch.uint8)
    return torch.randn(num, *space.shape, generator=generator)


def _shape_of(space: ObservationSpace, rows: int | str = "batch") -> Any:
    return map_tree(lambda part: [rows, *part.shape], space.spaces) if isinstance(space, TreeSpace) else [rows, *space.shape]
