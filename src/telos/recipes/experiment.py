"""From logs to a run, and from a run to an agent."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning_fabric import Fabric

import telos
from telos import recipes
from telos.agent.actor import AUTO, choose_planner_for
from telos.agent.configurator import Configurator
from telos.agent.guardrails.saving import FILE as GUARDRAILS
from telos.agent.guardrails.saving import load_guardrails
from telos.agent.loop import Agent, AgentSettings
from telos.agent.memory import RememberingModel
from telos.core import config
from telos.core.acting import Mode
from telos.core.compiling import compile_rollouts
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractRisk
from telos.core.errors import ConfigError, DataError, UnknownNameError
from telos.core.guarding import Guardrail
from telos.core.logs import AbstractLogs, Moments
from telos.core.memory import AbstractMemory
from telos.core.run import Run
from telos.core.seeding import derive_seed
from telos.core.spaces import Spaces, TreeSpace
from telos.core.tasks import AbstractConfigurator
from telos.core.top_down import TopDown
from telos.core.weights import load_weights
from telos.data import Episodes, Mixture, split
from telos.recipes.features import seen_through
from telos.recipes.knowledge import load_knowledge, load_memory, load_recipe
from telos.recipes.knowledge import load_untrained as load_untrained
from telos.recipes.knowledge import load_world_model as load_world_model
from telos.recipes.recipe import Recipe
from telos.recipes.run_folder import check_same_spaces, create_run, earlier_run, finished
from telos.training.sharding import fully_sharded
from telos.training.trainer import Trainer, Watcher

STRATEGIES = ("auto", "ddp", "fsdp")
"""How several processes share the work: with `ddp` each holds the whole model, with `fsdp` a share of it."""
PRECISIONS = ("32-true", "64-true", "bf16-mixed")
"""In how many bits networks compute. Weights of half as many would lose small steps; fp16 overflows, and resumes only roughly."""
USUAL = Configurator()
"""Sets up every agent for its task, unless it is given another one."""
RecipeLike = str | Recipe | Callable[[AbstractLogs], Recipe]


def open_logs(data: Path | str | Sequence[Path | str]) -> Episodes | Mixture:
    """One store, or several mixed. Raises DamagedStoreError, DataError or SpaceError (stores that do not fit together)."""
    paths = [data] if isinstance(data, (str, Path)) else list(data)
    stores = [Episodes.open(Path(path)) for path in paths]
    return stores[0] if len(stores) == 1 else Mixture(stores)


def stores_of(logs: Episodes | Mixture) -> list[Episodes]:
    """The native stores that `open_logs` opened, in order."""
    return [logs] if isinstance(logs, Episodes) else [part for part in logs.parts if isinstance(part, Episodes)]


def train(
    data: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    recipe: RecipeLike = "default",
    from_run: Path | str | None = None,
    seed: int = 0,
    held_out: float = 0.1,
    watcher: Watcher | None = None,
    fabric: Fabric | None = None,
    compiled: bool = False,
) -> Run:
    """Trains a world model on logged episodes into the folder `out`; goes on where a killed run stopped.

    Args:
        data: one native store, or several to be mixed.
        out: the run folder; if it holds a run of the same recipe, seed and data, that run is resumed.
        recipe: a name, a `Recipe`, `file.py:function`, or a function from logs to a recipe.
        from_run: a finished run whose weights and recipe are the start (its normalisation too); for fine-tuning on new logs.
        held_out: share of the episodes that are never trained on.
        fabric: where to train; by default one process on the best device there is, bf16 where the hardware has it.
        compiled: whether what the model computes is compiled first (`torch.compile`); worth its minutes on a GPU only.

    Raises:
        RunError: `out` holds another run, or `from_run` is not finished.
        DataError, SpaceError, ConfigError, CollapseError: as their docstrings say. Before training began, nothing is left behind.
    """
    fabric = fabric or make_fabric()
    fabric.launch()
    logs = open_logs(data)
    train_logs, held_out_logs = split(logs, held_out=held_out, seed=seed)
    source = None if from_run is None else finished(Run.open(Path(from_run)))
    if source is not None:
        check_same_spaces(source, logs.spaces)
    chosen = load_recipe(source) if source else choose_recipe(recipe, train_logs)
    description = {
        "telos": telos.__version__,
        "recipe": config.to_json(chosen),
        "spaces": logs.spaces.to_json(),
        "seed": seed,
        "held_out": held_out,
        "from_run": None if source is None else str(source.path.resolve()),
        "data": [describe(store) for store in stores_of(logs)],
    }
    return fit(train_logs, held_out_logs, Path(out), chosen, description, seed=seed, source=source, watcher=watcher, fabric=fabric, compiled=compiled)


def fit(
    training: AbstractLogs,
    held_out: AbstractLogs,
    out: Path,
    recipe: Recipe,
    description: dict[str, Any],
    *,
    seed: int,
    source: Run | None = None,
    watcher: Watcher | None = None,
    fabric: Fabric,
    compiled: bool = False,
) -> Run:
    """The same for episodes that are chosen already.

    Args:
        description: what the run is to say of itself.
        seed: of weights and batches.
        source: a finished run whose weights are the start.

    Raises what `train` raises.
    """
    run = earlier_run(out, description)
    if run is not None and run.finished:
        return run
    watcher, spaces = watcher or (lambda progress: None), training.spaces
    recipe.curriculum.check(training, fabric.world_size)
    training, held_out = seen_through(recipe, (training, held_out), fabric, watcher)
    _moments(held_out)
    torch.manual_seed(derive_seed(seed, "weights"))
    world_model = recipe.world_model.build(spaces, _moments(training))
    if source is not None:
        load_weights(source.weights_file, world_model)
    run = run or create_run(out, description, fabric)
    Trainer(
        run=run,
        world_model=world_model,
        logs=training,
        held_out=held_out,
        curriculum=recipe.curriculum,
        seed=seed,
        fabric=fabric,
        watcher=watcher,
        compiled=compiled,
    ).fit()
    return run


def make_fabric(
    *, devices: int | str = 1, num_nodes: int = 1, strategy: str = "auto", precision: str | None = None, accelerator: str = "auto"
) -> Fabric:
    """Where training runs. `precision` defaults to bf16 where a GPU computes it natively, and to 32 bits elsewhere.

    Raises:
        ConfigError: there is no such device here.
        UnknownNameError: the strategy is none of `STRATEGIES`, or the precision none of `PRECISIONS`.
    """
    if strategy not in STRATEGIES:
        raise UnknownNameError.of("strategy", strategy, STRATEGIES)
    if precision is not None and precision not in PRECISIONS:
        raise UnknownNameError.of("precision", precision, PRECISIONS)
    if precision is None:
        precision = (
            "bf16-mixed"
            if accelerator != "cpu" and torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
            else "32-true"
        )
    if strategy == "fsdp" and precision == "64-true":
        raise ConfigError("Weights that are shared among processes are not trained with 64 bits.", fix="take 32-true, or the strategy ddp")
    chosen = fully_sharded() if strategy == "fsdp" else strategy
    try:
        return Fabric(accelerator=accelerator, devices=devices, num_nodes=num_nodes, strategy=chosen, precision=precision)  # type: ignore[arg-type]
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(f"Training cannot run like this: {reason}.", fix="telos train --help names the choices") from error


def load_agent(
    run: Run | Path | str,
    *,
    planner: AbstractPlanner | Literal["auto"] | None = None,
    seed: int = 0,
    device: str = "cpu",
    budget_ms: float | None = None,
    ahead_tolerance: float | None = None,
    mode: Mode | None = None,
    risk: AbstractRisk | None = None,
    proposals: int | None = None,
    surprise_level: float | None = None,
    when_surprised: Literal["plan", "fall back"] | None = None,
    levels: int | None = None,
    time_to_go: str | None = None,
    subgoals: Literal["levels", "critic"] | None = None,
    top_down: TopDown | None = None,
    remembers: bool | None = None,
    memory: AbstractMemory | Literal["episode", "always"] | None = None,
    compiled: bool = False,
    guardrails: Sequence[Guardrail] | None = None,
    drives: AbstractCost | None = None,
    pinned: str | None = None,
    configurator: AbstractConfigurator | None = USUAL,
) -> Agent:
    """An agent ready to be given a task.

    Args:
        planner: in place of the recipe's; `auto`: the knee that was measured for this run, else that of the published curves.
        budget_ms: wall-clock time for one plan; None: until the planner is through.
        ahead_tolerance: plan while the last action is carried out, and anew where the latent that is seen then differs from
            the expected one by more than this; see `telos.evaluation.one_step_tolerance`. None: as the recipe says.
        mode: `plan`, `react` or `auto`; None: as the recipe says, here and in what follows. Each is explained in `AgentSettings`.
        risk: what a plan is worth that may lead to several futures.
        proposals: how many ways the policy proposes to a search.
        surprise_level: p-value below which what has happened is a surprise.
        when_surprised: whether that asks for a new plan, or for the guardrails' fallback.
        levels: how many levels plan at the most (`telos levels RUN`).
        time_to_go: name of the critic of time that counts as energy (`telos time-to-go RUN`).
        subgoals: who says where to go next: the plans of upper levels, or that critic.
        top_down: how levels plan together, in all detail.
        remembers: whether the end of an episode is shown to the world model when the next one begins.
        memory: remembers what it has found otherwise than expected, for the rest of the episode; `always`: in later episodes too
            (`remembers`). Either as the run was taught (`telos remember RUN`), or a memory of your own. None: it does not.
        compiled: compile rollouts, which takes some seconds at first; see `telos.core.compiling.compile_rollouts` for when it pays.
        guardrails: what it must never do; None: those in the run folder, which `telos calibrate` wrote; (): none whatever.
        drives: a cost that is added to that of every task.
        pinned: the fingerprint that the agent must have (`agent.fingerprint`); None: any.
        configurator: sets horizon and the like anew for each task; None: they stay as they are.

    Raises:
        RunError: training did not come to its end, or the folder is damaged.
        GuardrailError: a guardrail was calibrated for something else than this agent is, or cannot be kept by it; or `pinned` is another one.
        ConfigError: the planner is a name, and not `auto`; or the settings ask for what the run was not taught.
    """
    run = run if isinstance(run, Run) else Run.open(Path(run))
    settings = _with_planner(run, load_recipe(run).agent, planner, budget_ms)
    asked: dict[str, Any] = {
        "ahead_tolerance": ahead_tolerance,
        "mode": mode,
        "risk": risk,
        "proposals": proposals,
        "surprise_level": surprise_level,
        "when_surprised": when_surprised,
        "levels": levels,
        "time_to_go": time_to_go,
        "top_down": top_down,
        "remembers": remembers,
    }
    settings = replace(settings, **{name: value for name, value in asked.items() if value is not None})
    if subgoals is not None:
        settings = replace(settings, top_down=replace(settings.top_down, subgoals=subgoals))
    knowledge = load_knowledge(run, device=device)
    if memory is not None:
        settings = replace(settings, remembers=settings.remembers or memory == "always")
        memory = load_memory(run, device=device) if memory in ("episode", "always") else memory
        knowledge = replace(knowledge, world_model=RememberingModel(knowledge.world_model, memory))
    if compiled:
        compile_rollouts(knowledge.world_model)
    if guardrails is None:
        file = run.path / GUARDRAILS
        guardrails = load_guardrails(file) if file.exists() else ()
    return Agent(knowledge, settings, guardrails=tuple(guardrails), drives=drives, pinned=pinned, configurator=configurator, seed=seed)


def _with_planner(run: Run, settings: AgentSettings, planner: AbstractPlanner | str | None, budget_ms: float | None) -> AgentSettings:
    """The settings with another planner or budget, where one is asked for."""
    if planner == AUTO:
        planner = choose_planner_for(run, Spaces.from_json(run.description["spaces"]).action, settings.planner).planner
    if isinstance(planner, str):
        raise ConfigError(f"'{planner}' is no planner.", expected="'auto', or a planner such as telos.agent.actor.CEM(horizon=12)")
    if planner is None and budget_ms is None:
        return settings
    planner = planner or settings.planner
    return replace(settings, planner=planner, replan_every=min(settings.replan_every, planner.horizon), budget_ms=budget_ms)


def choose_recipe(recipe: RecipeLike, logs: AbstractLogs) -> Recipe:
    """The recipe for these logs. Raises UnknownNameError for a name that stands for nothing, ConfigError if no recipe comes out."""
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, str):
        if ":" in recipe:
            recipe = config.load_class(recipe)
        elif recipe in recipes.STANDARD:
            recipe = recipes.STANDARD[recipe]
        else:
            raise UnknownNameError.of("recipe", recipe, recipes.STANDARD)
    made = recipe(logs) if callable(recipe) else recipe
    if not isinstance(made, Recipe):
        raise ConfigError(f"The recipe gives a {type(made).__name__}.", expected="a telos.recipes.Recipe, or a function from logs to one")
    return made


def describe(store: Episodes) -> dict[str, Any]:
    """What a run says of a store that it was trained on."""
    return {"path": str(store.path.resolve()), "fingerprint": store.fingerprint, "environment": store.environment}


def _moments(logs: AbstractLogs) -> dict[str, Moments]:
    """Statistics of everything that a model reads. Raises DataError for what is no finite number."""
    space = logs.spaces.observation
    names = [f"observation/{part}" for part in space.spaces] if isinstance(space, TreeSpace) else ["observation"]
    moments = {name: logs.moments(name) for name in ("action", *names)}
    for name, part in moments.items():
        if not np.isfinite([*part.mean, *part.std]).all():
            raise DataError(
                f"The column '{name}' holds values that are not finite numbers (NaN or infinity).",
                fix="see which: telos data inspect DATA; then drop or repair these frames",
            )
    return moments
