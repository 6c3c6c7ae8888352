"""Telos in the benchmark: a model of given size or given weights, and one plan with it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.planning.sizes import Search, Size
from benchmarks.planning.timing import seconds_of
from telos.agent.actor import CEM, make_plan
from telos.agent.actor.candidates import CandidateEvaluator
from telos.agent.cost import FinalDistance
from telos.agent.perception import EncoderConfig, ViTConfig
from telos.agent.world_model import JEPAConfig, TransformerPredictorConfig
from telos.core.compiling import compile_rollouts
from telos.core.contracts import AbstractPredictorConfig, AbstractWorldModel
from telos.core.heap import keep_heap
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.types import Problem, State
from telos.recipes.lewm import Untold, load_lewm


def spaces_of(size: Size) -> Spaces:
    return Spaces(PixelSpace(size.picture, size.picture), VectorSpace(size.action, (-1.0,) * size.action, (1.0,) * size.action))


def random_model(size: Size, seed: int = 0) -> AbstractWorldModel:
    """Of this size, with fresh weights; what they are does not change what a plan costs."""
    torch.manual_seed(seed)
    pixels = ViTConfig(patch=size.patch, width=size.width, depth=size.encoder_depth, num_heads=size.encoder_heads, head_hidden=size.projection)
    predictor = TransformerPredictorConfig(
        history=size.history,
        depth=size.depth,
        num_heads=size.heads,
        head_size=size.head_size,
        hidden=size.hidden,
        output_hidden=size.projection,
    )
    return JEPAConfig(encoder=EncoderConfig(pixels=pixels), predictor=predictor, latent_size=size.width).build(spaces_of(size)).eval()


def model_with(weights: Mapping[str, Tensor], size: Size) -> AbstractWorldModel:
    """With weights that a peer has saved: what is compared is the same model."""
    untold = Untold(image_size=size.picture, num_heads=size.encoder_heads, head_size=size.head_size, pixels="unit", actions="plain")
    return load_lewm(weights, spaces_of(size), untold=untold)


def model_around(predictor: AbstractPredictorConfig, size: Size) -> AbstractWorldModel:
    """With another predictor in place of the transformer, and frames of the same size."""
    torch.manual_seed(0)
    return JEPAConfig(encoder=EncoderConfig(), predictor=predictor, latent_size=size.width).build(spaces_of(size)).eval()


class Ours:
    """One model and one problem: encodes, plans, and says what candidates cost.

    Args:
        inputs: what `sizes.make_inputs` made.
        compiled: whether rollouts are compiled (on a GPU with CUDA graphs).
    """

    def __init__(
        self, model: AbstractWorldModel, inputs: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32, compiled: bool = False
    ) -> None:
        # As every agent does.
        keep_heap()
        self.model, self.device = model.to(device=device, dtype=dtype), device
        self.inputs = {name: part.to(device) for name, part in torch.load(inputs, weights_only=True).items()}
        self.compiled = compiled
        if compiled and device == "cpu":
            compile_rollouts(self.model)
        elif compiled:
            self.model.rollout = torch.compile(self.model.rollout, mode="reduce-overhead")  # type: ignore[method-assign]

    @torch.no_grad()
    def problem(self, num: int | None = None) -> Problem:
        """All of the frames and the goal encoded; `num` of the problems, by default all."""
        frames, goals, past = (self.inputs[name][:num] for name in ("frames", "goals", "past"))
        state: State | None = None
        for time in range(frames.shape[1]):
            state = self.model.observe(state, past[:, time - 1] if time else None, frames[:, time])
        assert state is not None
        return Problem(state=state, goal=self.model.observe(None, None, goals))

    def plan(self, search: Search, problem: Problem, seed: int = 0) -> Tensor:
        """The actions `[batch horizon action]`."""
        planner = CEM(
            horizon=search.horizon,
            num_candidates=search.candidates,
            num_iterations=search.iterations,
            num_elites=search.elites,
            momentum=0.0,
            min_std=0.0,
            # Peers play all rounds: so do we, though our search would see that it is through.
            agreement=0.0,
        )
        generator = torch.Generator(self.device).manual_seed(seed)
        plan = make_plan(planner, world_model=self.model, cost=FinalDistance(), problem=problem, generator=generator)
        assert plan.trace.num_candidates >= search.candidates * search.iterations, "the same work as everybody else"
        return plan.actions

    def from_frames(self, search: Search) -> Callable[[], float]:
        """Seconds of a plan, pictures first."""
        return lambda: seconds_of(lambda: self.plan(search, self.problem()), self.device)

    def from_latents(self, search: Search, num: int | None = None) -> Callable[[], float]:
        """Seconds of a plan from what is encoded already."""
        problem = self.problem(num)
        return lambda: seconds_of(lambda: self.plan(search, problem), self.device)

    def energies(self) -> Tensor:
        """Of the candidates that the inputs hold `[num]`, for the first problem."""
        evaluate = CandidateEvaluator(world_model=self.model, cost=FinalDistance(), problem=self.problem(1), action_space=self.model.spaces.action)
        return evaluate(self.inputs["candidates"][None])[0].float().cpu()
