"""Everything that Telos exports keeps the promises that it asks of others. A new export is tested as soon as it is exported."""

import dataclasses
import inspect
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch

from telos import data, envs
from telos.agent import actor, cost, critics, levels, memory, perception, surprise, tasks, world_model
from telos.core.acting import AbstractSurprise
from telos.core.contracts import (
    AbstractCost,
    AbstractEncoderConfig,
    AbstractObjective,
    AbstractPlanner,
    AbstractPredictorConfig,
    AbstractRisk,
)
from telos.core.errors import ConfigError
from telos.core.levels import AbstractLevel, AbstractTimeToGo
from telos.core.memory import AbstractMemory
from telos.core.regions import Box, Disc
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.core.tasks import AbstractTask
from telos.core.world import AbstractWorld
from telos.data import AbstractBehaviour
from telos.testing import (
    TruePointMass,
    WindyPointMass,
    check_behaviour,
    check_cost,
    check_encoder,
    check_env,
    check_gate,
    check_level,
    check_memory,
    check_objective,
    check_planner,
    check_predictor,
    check_risk,
    check_surprise,
    check_task,
    check_time_to_go,
    check_world,
    check_world_model,
    true_knowledge,
)
from telos.training import objectives

OBSERVATIONS = {
    "pixels": PixelSpace(16, 24),
    "one channel": PixelSpace(16, 16, 1),
    "vector": VectorSpace(5),
    "tree": TreeSpace({"camera": PixelSpace(16, 16), "proprio": VectorSpace(3)}),
}
ACTIONS = {"continuous": VectorSpace(2, (-0.5, 0), (1, 3)), "unbounded": VectorSpace(2), "discrete": DiscreteSpace(4)}

SMALL = {world_model.TransformerPredictorConfig: {"depth": 2, "num_heads": 2, "head_size": 8, "hidden": 24, "output_hidden": 16}}
"""Sizes for what is large by default: promises do not depend on them."""


def exported(module: ModuleType, base: type) -> list[type]:
    """The concrete classes of a kind that a module exports."""
    values = [getattr(module, name) for name in getattr(module, "__all__", dir(module))]
    found = {value for value in values if isinstance(value, type) and issubclass(value, base) and not inspect.isabstract(value)}
    assert found, f"{module.__name__} exports no {base.__name__}"
    return sorted(found, key=lambda kind: kind.__name__)


def each(module: ModuleType, base: type):
    return pytest.mark.parametrize("kind", exported(module, base), ids=lambda kind: kind.__name__)


each_predictor = pytest.mark.parametrize("predictor", exported(world_model, AbstractPredictorConfig), ids=lambda kind: kind.__name__)


def fits(config: AbstractEncoderConfig, space) -> bool:
    try:
        config.build(space, 4)
    except ConfigError:
        return False
    return True


@each(actor, AbstractPlanner)
def test_planner_keeps_its_promises(kind):
    check_planner(kind(horizon=8))


@each(actor, AbstractPlanner)
def test_no_planner_gets_past_a_guardrail(kind):
    check_gate(kind(horizon=5))


@each(actor, AbstractRisk)
@pytest.mark.parametrize("num_futures", [1, 7])
def test_risk_keeps_its_promises(kind, num_futures):
    check_risk(kind(num_futures=num_futures))


@each(cost, AbstractCost)
def test_cost_keeps_its_promises(kind):
    check_cost(kind())


def test_a_sum_of_all_costs_keeps_the_promises_of_one():
    total = 0.5 * exported(cost, AbstractCost)[0]()
    for kind in exported(cost, AbstractCost)[1:]:
        total = total + 2 * kind()
    check_cost(total)


@each(objectives, AbstractObjective)
def test_objective_keeps_its_promises(kind):
    check_objective(kind())
    if "within_episode" in {field.name for field in dataclasses.fields(kind)}:
        check_objective(kind(within_episode=True))


@each(perception, AbstractEncoderConfig)
def test_encoder_keeps_its_promises(kind):
    spaces = [space for space in OBSERVATIONS.values() if fits(kind(), space)]
    assert spaces, "it reads none of the kinds of observation"
    for space in spaces:
        check_encoder(kind(), space)


@pytest.mark.parametrize("space", OBSERVATIONS.values(), ids=OBSERVATIONS.keys())
def test_one_encoder_fits_every_observation(space):
    assert fits(perception.EncoderConfig(), space)


@each(world_model, AbstractPredictorConfig)
def test_predictor_keeps_its_promises(kind):
    check_predictor(kind(**SMALL.get(kind, {})))


@each(world_model, AbstractPredictorConfig)
@pytest.mark.parametrize("scenery_size", [0, 3])
def test_world_model_keeps_its_promises_for_every_kind_of_action(kind, scenery_size):
    predictor = kind(**SMALL.get(kind, {}))
    config = world_model.JEPAConfig(encoder=perception.EncoderConfig(), latent_size=6, predictor=predictor, scenery_size=scenery_size)
    for action in ACTIONS.values():
        check_world_model(config.build(Spaces(VectorSpace(5), action)))


@each(world_model, world_model.AbstractChanceConfig)
@each_predictor
def test_world_model_with_a_latent_variable_keeps_its_promises(predictor, kind):
    parts = {"predictor": predictor(**SMALL.get(predictor, {})), "chance": kind(width=8)}
    config = world_model.JEPAConfig(encoder=perception.EncoderConfig(), latent_size=6, scenery_size=2, **parts)
    # Choices beside the simplest predictor: what they are to z does not depend on the predictor.
    action = ACTIONS["discrete" if predictor is world_model.MLPPredictorConfig else "continuous"]
    check_world_model(config.build(Spaces(VectorSpace(5), action)))


@pytest.mark.parametrize("space", OBSERVATIONS.values(), ids=OBSERVATIONS.keys())
def test_world_model_with_a_belief_keeps_its_promises(space):
    config = world_model.FilteringJEPAConfig(encoder=perception.EncoderConfig(), latent_size=6, belief_size=20, width=24)
    for action in ACTIONS.values() if isinstance(space, VectorSpace) else [ACTIONS["continuous"]]:
        check_world_model(config.build(Spaces(space, action)))


@pytest.mark.parametrize("threshold", [1e-3, 1e3], ids=["all is worth remembering", "nothing is"])
@pytest.mark.parametrize("kind", [world_model.JEPAConfig, world_model.FilteringJEPAConfig], ids=lambda kind: kind.__name__)
def test_world_model_with_an_episodic_memory_keeps_its_promises(kind, threshold):
    for action in ACTIONS.values():
        model = kind(encoder=perception.EncoderConfig(), latent_size=6).build(Spaces(VectorSpace(5), action))
        check_world_model(memory.RememberingModel(model, memory.EpisodicMemoryConfig(threshold=threshold, latent_reach=1.0).build()))


@each(memory, AbstractMemory)
@pytest.mark.parametrize("half_life", [None, 30.0])
def test_memory_keeps_its_promises(kind, half_life):
    check_memory(kind(memory.EpisodicMemoryConfig(threshold=0.5, latent_reach=1.0, half_life=half_life)))


@pytest.mark.parametrize("space", OBSERVATIONS.values(), ids=OBSERVATIONS.keys())
def test_world_model_keeps_its_promises_for_every_kind_of_observation(space):
    config = world_model.JEPAConfig(encoder=perception.EncoderConfig(), scenery_size=3, predictor=world_model.RecurrentPredictorConfig())
    check_world_model(config.build(Spaces(space, ACTIONS["continuous"])))


@pytest.mark.parametrize("action", [None, DiscreteSpace(5)], ids=["continuous", "discrete"])
def test_the_windy_world_model_of_the_planner_checks_keeps_its_promises(action):
    check_world_model(WindyPointMass(action=action))


@pytest.mark.parametrize("action", [None, DiscreteSpace(5)], ids=["continuous", "discrete"])
def test_the_world_model_of_the_planner_checks_keeps_its_own_promises(action):
    check_world_model(TruePointMass(action=action))


NEAR, FAR = tasks.ReachValue("position", (0.5, 0.5)), tasks.ReachRegion("position", Disc(center=(0.8, 0.2), radius=0.1), hold=1)
EXAMPLES = {
    tasks.Avoid: ("position", Disc(center=(0.8, 0.2), radius=0.1), 0.05),
    tasks.FollowPath: ("position", [(0.2, 0.2), (0.8, 0.8)], 20),
    tasks.Hold: (FAR, 3),
    tasks.Optimise: ("position", "smallest", 1),
    tasks.Prefer: ("calm",),
    tasks.ReachAny: (NEAR, FAR),
    tasks.ReachBy: (NEAR, 9),
    tasks.ReachGoal: (np.full(4, 0.5, np.float32),),
    tasks.ReachRegion: ("velocity", Box(low=(-0.1, None), high=(0.1, None))),
    tasks.ReachValue: ("velocity", (0.5, 0.5), 0.1, 2),
    tasks.StayNearData: (),
    tasks.VisitAll: (NEAR, FAR),
    tasks.VisitInOrder: (NEAR, FAR, NEAR),
}
"""What each task is given here; a new one needs a line."""


@each(tasks, AbstractTask)
def test_task_keeps_its_promises(kind):
    knowledge = replace(true_knowledge(), critics={"calm": cost.ActionSmoothness()}, familiarity=cost.ActionEffort())
    task = kind(*EXAMPLES[kind])
    check_task(task, knowledge)
    check_task(0.5 * task + NEAR + cost.ActionEffort(), knowledge)


@each(data, AbstractBehaviour)
def test_behaviour_keeps_its_promises(kind):
    needs_world = "world" in {field.name for field in dataclasses.fields(kind)}
    check_behaviour(kind(world=envs.PointMass()) if needs_world else kind())


@each(envs, AbstractWorld)
def test_world_keeps_its_promises(kind):
    check_world(kind())
    check_env(envs.WorldEnv(kind()))


@each(surprise, AbstractSurprise)
def test_sense_of_surprise_keeps_its_promises(kind):
    description = SENSES[kind]
    config = world_model.JEPAConfig(encoder=perception.EncoderConfig(), latent_size=6, predictor=world_model.RecurrentPredictorConfig(width=8))
    check_surprise(description.build(), config.build(Spaces(VectorSpace(5), ACTIONS["continuous"])), description=description)


SENSES = {surprise.Surprise: surprise.SurpriseConfig(latent_size=6, horizons=(1, 2, 5), num_ranks=64)}
"""How each sense of surprise is made here; a new one needs a line."""


@each(critics, AbstractTimeToGo)
def test_critic_of_time_keeps_its_promises(kind):
    description = TIMES[kind]
    check_time_to_go(TAUGHT.get(kind, lambda critic: critic)(description.build()), 6, description=description)


TIMES = {
    critics.LandmarkGraph: critics.LandmarkGraphConfig(latent_size=6, belief_size=8, num_landmarks=12, num_edges=24),
    critics.PairNetwork: critics.PairNetworkConfig(latent_size=6, width=16, depth=2),
    critics.Quasimetric: critics.QuasimetricConfig(latent_size=6, width=16, depth=2, num_parts=3, part_size=4),
}
"""How each critic of time is made here; a new one needs a line."""


def _ring(graph: critics.LandmarkGraph) -> critics.LandmarkGraph:
    """Landmarks in a circle, with a step to the next of them and one back."""
    ring = np.arange(12)
    edges = np.concatenate([np.stack([ring, (ring + 1) % 12]), np.stack([(ring + 1) % 12, ring])], axis=1)
    return graph.draw(torch.randn(12, 8, generator=torch.Generator().manual_seed(0)), edges.astype(np.int32), np.ones(24, np.float32))


TAUGHT = {critics.LandmarkGraph: _ring}
"""What weights do not make up for."""


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0", "Acrobot-v1"])
def test_environment_of_gymnasium_keeps_the_promises(name):
    check_env(envs.make_env(f"gym:{name}"))


SIZES = {"width": 16, "num_landmarks": 20, "belief_size": 8}
LEVELS = {levels.Level: levels.LevelConfig}
"""How each level is described; a new one needs a line."""


@each(levels, AbstractLevel)
@pytest.mark.parametrize("acts", ACTIONS.values(), ids=ACTIONS.keys())
def test_level_keeps_its_promises_above_a_world_model_and_above_another_level(kind, acts):
    lower = _settled(LEVELS[kind](below=(6,), acts=acts, latent_size=5, macro_size=3, stride=4, steps=4, **SIZES).build())
    check_level(lower, acts)
    upper = LEVELS[kind](below=(6, 5), acts=lower.spaces.action, latent_size=4, macro_size=2, stride=3, steps=12, **SIZES).build()
    upper.stand_on(lower)
    check_level(_settled(upper), lower.spaces.action, below=(lower,))


def _settled(level: levels.Level) -> levels.Level:
    """With landmarks, as teaching leaves it."""
    with torch.no_grad():
        level.landmarks.beliefs.copy_(torch.randn(level.landmarks.beliefs.shape, generator=torch.Generator().manual_seed(0)))
        level.landmarks.latents.copy_(level.lift(level.landmarks.beliefs[:, :6]))
    return level
