"""Conformance checks for components of your own: each raises one clear sentence for the first promise that is broken.

A test of yours is one line, `check_planner(MyPlanner())`; ours are the same lines for everything that ships with Telos.
"""

from telos.testing.behaviours import check_behaviour
from telos.testing.costs import check_cost
from telos.testing.environments import check_env
from telos.testing.guardrails import check_gate, check_requirement
from telos.testing.levels import check_level
from telos.testing.memories import check_memory
from telos.testing.modules import check_encoder, check_predictor
from telos.testing.objectives import check_objective
from telos.testing.planners import check_planner
from telos.testing.policies import check_arbiter, check_policy
from telos.testing.promises import ConformanceError
from telos.testing.readouts import check_readout
from telos.testing.risks import check_risk
from telos.testing.surprise import check_surprise
from telos.testing.tasks import check_task
from telos.testing.time_to_go import check_time_to_go
from telos.testing.true_point_mass import TruePointMass
from telos.testing.true_readouts import TrueReadout, true_knowledge
from telos.testing.windy_point_mass import WindyPointMass
from telos.testing.world_models import check_world_model
from telos.testing.worlds import check_world

__all__ = [
    "ConformanceError",
    "TruePointMass",
    "TrueReadout",
    "WindyPointMass",
    "check_arbiter",
    "check_behaviour",
    "check_cost",
    "check_encoder",
    "check_env",
    "check_gate",
    "check_level",
    "check_memory",
    "check_objective",
    "check_planner",
    "check_policy",
    "check_predictor",
    "check_readout",
    "check_requirement",
    "check_surprise",
    "check_risk",
    "check_task",
    "check_time_to_go",
    "check_world",
    "check_world_model",
    "true_knowledge",
]
