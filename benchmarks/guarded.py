"""Guardrails in a closed loop: calibrated on seed 100, then played on fresh episodes, beside floors and an expert under the same guardrails.

    worlds     calibration at alpha 0.01, then fresh episodes of the agent with and without its guardrails, and of the floors
    alphas     the realised share of violations against alpha, for three planners
    shifts     the same agents in worlds that the calibration never saw
    table      what was found, as the tables of the documentation

Runs that have been taught their quantities lie in RUNS: two-rooms, ladder, point-mass, pendulum, push (docs/commands.md says how they are made).
Every figure is saved in OUT as soon as it is there, and is not computed twice.

Run: python benchmarks/guarded.py RUNS OUT [worlds | alphas | shifts | table] [--only two-rooms ...] [--episodes 1000]
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from telos.agent.actor import CEM, MPPI, GradientDescent
from telos.agent.guardrails import Box, Brake, Disc, Hold, KeepOut, Limit, StayInside, load_guardrails, save_guardrails
from telos.agent.loop import Agent
from telos.cli.worlds import held_out_logs, world_of
from telos.core.guarding import Guardrail
from telos.core.run import Run
from telos.core.world import AbstractWorld, WorldState
from telos.envs.wrapped import WrappedWorld
from telos.evaluation import evaluate, make_protocol
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.guarded import Judges, requirements_of
from telos.evaluation.guarded_pairs import draw_guarded_pairs
from telos.evaluation.intervals import Rate, paired_difference
from telos.evaluation.protocols import Protocol
from telos.recipes.experiment import load_agent, load_recipe
from telos.teaching.calibration import calibrate, margins_from, open_loop_errors
from telos.teaching.calibration.drawing import draw_calibration

TUNED_ON, REPORTED_ON = 100, 0
ALPHAS = (0.01, 0.05, 0.1, 0.2)
MULTIPLES = (1.0, 0.7, 0.5)
CALIBRATED_ON = 300
"""Episodes for each margin: 299 clean ones prove 1 % at 95 % confidence."""
STOP = Brake(quantity="velocity", gain=10.0, steps=7)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A world, what is forbidden in it, and which episodes are played."""

    guardrails: tuple[Guardrail, ...]
    horizon: int | None = None
    """Steps to look ahead; None: as the run's recipe has it."""
    num_candidates: int | None = None
    """Of the planner; None: as the run's recipe has it."""
    conflicts: bool = True
    episodes: int = 1000
    offset: int | None = None
    rules: Mapping[str, Any] = field(default_factory=dict)
    multiples: tuple[float, ...] = MULTIPLES


def rule(name: str, requirement: Any, fallback: Any) -> Guardrail:
    return Guardrail(name=name, requirement=requirement, fallback=fallback)


CASES = {
    "two-rooms": Case(guardrails=(rule("disc", KeepOut(quantity="position", region=Disc(center=(0.25, 0.5), radius=0.12)), Hold()),)),
    "point-mass": Case(
        guardrails=(
            rule("speed", Limit(quantity="velocity", most=0.35, of="size"), STOP),
            rule("box", StayInside(quantity="position", region=Box(low=(0.1, 0.1), high=(0.9, 0.9))), STOP),
        ),
        multiples=(0.35, 0.2, 0.1),
    ),
    "ladder": Case(
        guardrails=(rule("corridor", KeepOut(quantity="position", region=Box(low=(2 / 7, 3 / 7), high=(5 / 7, 4 / 7))), Hold()),), horizon=24
    ),
    "pendulum": Case(
        guardrails=(rule("swing", Limit(quantity="velocity", most=6.0, of="size"), Brake(quantity="velocity", gain=6.67, steps=20)),),
        num_candidates=32,
        conflicts=False,
        episodes=300,
        multiples=(0.5, 0.25),
    ),
    "push": Case(
        guardrails=(rule("zone", KeepOut(quantity="block", region=Disc(center=(0.5, 0.5), radius=0.1)), Hold()),),
        offset=25,
        rules={"radius": 0.1},
        multiples=(2.0, 1.5, 1.0),
    ),
}


class Study:
    """One case with its run."""

    def __init__(self, name: str, runs: Path, case: Case | None = None) -> None:
        self.name, self.case = name, case or CASES[name]
        self.run = Run.open(runs / name)
        self.world = world_of(self.run)
        self.logs = held_out_logs(self.run)
        planner = load_recipe(self.run).agent.planner
        changes = {name: getattr(self.case, name) for name in ("horizon", "num_candidates") if getattr(self.case, name) is not None}
        self.planner = replace(planner, **changes)

    def agent(self, guardrails: tuple[Guardrail, ...], seed: int, planner: Any = None) -> Agent:
        return load_agent(self.run, guardrails=guardrails, planner=planner or self.planner, seed=seed)

    def protocol(self, episodes: int, seed: int) -> Protocol:
        return make_protocol(self.world, None, episodes=episodes, offset=self.case.offset, seed=seed, **self.case.rules)

    def estimates(self, guardrails: tuple[Guardrail, ...]) -> dict[str, float]:
        requirements = requirements_of(guardrails)
        horizon = load_recipe(self.run).agent.replan_every + max(part.fallback.steps for part in guardrails)
        errors = open_loop_errors(self.agent((), 0).knowledge, requirements, self.logs, horizon=horizon)
        return {part.name: errors[part.name].scale(part.alpha) for part in guardrails}

    def calibrated(self, alpha: float, episodes: int, planner: Any = None) -> Any:
        guardrails = tuple(replace(part, alpha=alpha) for part in self.case.guardrails)
        estimates = self.estimates(tuple(replace(part, alpha=0.01) for part in guardrails))
        return calibrate(
            lambda some, seed: self.agent(some, seed, planner),
            self.world,
            self.protocol(episodes, TUNED_ON),
            guardrails,
            margins_from(estimates, self.case.multiples),
            estimates=estimates,
            logs=self.logs if self.case.offset else None,
            conflicts=self.case.conflicts,
            progress=lambda stage, done, total: None,
        )


def kept(file: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was found before, or is found now."""
    if not file.exists():
        started = time.process_time()
        found = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**found, "cpu_seconds": time.process_time() - started}, indent=1))
        print(f"{file.stem}: {time.process_time() - started:.0f} s of CPU", flush=True)
    return json.loads(file.read_text())


def worlds(study: Study, out: Path, episodes: int | None) -> None:
    """Calibration, then fresh episodes with and without guardrails."""
    file = out / f"{study.name}-guardrails.json"

    def first() -> dict[str, Any]:
        result = study.calibrated(0.01, CALIBRATED_ON)
        if result.accepted:
            save_guardrails(file, result.guardrails)
            shown = study.protocol(60, TUNED_ON)
            picture = out / f"{study.name}.png"
            logs = study.logs if study.case.offset else None
            draw_calibration(picture, study.agent, study.world, shown, result, logs=logs, conflicts=study.case.conflicts)
        return result.to_json()

    if not kept(out / f"{study.name}-calibration.json", first)["accepted"]:
        print(f"{study.name}: no margin was accepted")
        return
    kept(out / f"{study.name}.json", lambda: fresh(study, load_guardrails(file), episodes or study.case.episodes))


def fresh(study: Study, guardrails: tuple[Guardrail, ...], episodes: int) -> dict[str, Any]:
    """Fresh episodes, the same for all: the agent with and without guardrails, and everybody else."""
    protocol = study.protocol(episodes, REPORTED_ON)
    found = evaluate(
        study.agent(guardrails, REPORTED_ON), study.world, protocol, None, study.logs, guardrails=guardrails, conflicts=study.case.conflicts
    )
    contestant = AgentContestant(study.agent((), REPORTED_ON), "unguarded")
    judges = Judges(study.world, requirements_of(guardrails), found.pairs.starts)
    unguarded = play(study.world, found.pairs, contestant, protocol, reached=found.success.reached, record=judges)
    told = found.to_json()
    told["floors"]["unguarded"] = unguarded.to_json()
    any_broken = np.any([part.broken for part in judges.breaches.values()], axis=0)
    told["unguarded_any"] = Rate(int(any_broken.sum()), episodes).value
    for row in told["guardrails"]["rows"]:
        row["contestants"]["unguarded"] = judges.breaches[row["name"]].to_json()
    told["difference_unguarded"] = paired_difference(found.agent.success, unguarded.success)
    return told


PLANNERS: Mapping[str, Callable[[int], Any]] = {
    "MPPI": lambda horizon: MPPI(horizon=horizon, num_candidates=64, num_iterations=2, noise_exponent=2.0),
    "CEM": lambda horizon: CEM(horizon=horizon, num_candidates=64, num_iterations=2, noise_exponent=2.0),
    "GradientDescent": lambda horizon: GradientDescent(horizon=horizon, num_starts=8, num_iterations=15),
}


def alphas(study: Study, out: Path, episodes: int | None) -> None:
    """For each planner and alpha: calibrated with few margins of which the widest hardly protects, then fresh episodes."""
    for name, make in PLANNERS.items():
        planner = make(study.planner.horizon)
        for alpha in ALPHAS:

            def one(alpha: float = alpha, planner: Any = planner, name: str = name) -> dict[str, Any]:
                result = study.calibrated(alpha, CALIBRATED_ON if alpha < 0.05 else 120, planner)
                told = result.to_json()
                if not result.accepted:
                    return told
                margins = "-".join(f"{part.margin:.4g}" for part in result.guardrails)
                # Alpha is a promise, no setting: agents of equal margins play the same episodes alike.
                played = out / f"fresh-{study.name}-{name}-{margins}.json"
                agent = study.agent(result.guardrails, REPORTED_ON, planner)
                told["fresh"] = kept(played, lambda: lean(study.world, study, agent, result.guardrails, episodes or 1000))
                return told

            kept(out / f"alpha-{study.name}-{name}-{alpha:g}.json", one)


def lean(world: AbstractWorld, study: Study, agent: Agent, guardrails: tuple[Guardrail, ...], episodes: int) -> dict[str, Any]:
    """The agent alone on fresh episodes of a world, which need not be the one that it was calibrated in."""
    protocol, requirements = study.protocol(episodes, REPORTED_ON), requirements_of(guardrails)
    pairs = draw_guarded_pairs(study.world, protocol, requirements.values(), conflicts=study.case.conflicts)
    contestant, judges = AgentContestant(agent), Judges(world, requirements, pairs.starts)
    outcome = play(world, pairs, contestant, protocol, record=judges)
    breaches = {name: part.to_json() for name, part in judges.breaches.items()}
    return {**outcome.to_json(), "breaches": breaches, "fallback_share": contestant.conduct.fallback_steps / contestant.conduct.steps}


@dataclass(frozen=True, kw_only=True)
class Unfaithful(WrappedWorld):
    """A world in which actions come out otherwise than they do where the agent learned: longer, or with noise that hangs on the state."""

    gain: float = 1.0
    noise: float = 0.0
    """Deviation of each action, as a share of its bound."""

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        bound = np.asarray(self.spaces.action.high)
        # A world has no memory and no dice: the noise is a function of the place.
        position = np.asarray(state["position"], np.float64)
        dice = np.stack([np.sin(7919.0 * position @ np.array([3.1, 5.7])), np.sin(7919.0 * position @ np.array([6.3, 2.9]))], axis=1)
        wide = replace(self.world, max_step=1.5 * self.world.max_step)
        return wide.advance(state, self.gain * np.asarray(actions) + self.noise * np.sqrt(2) * bound * dice)


SHIFTS: Mapping[str, Mapping[str, float]] = {"as calibrated": {}, "steps 1.5 times as long": {"gain": 1.5}, "noise of 20 %": {"noise": 0.2}}


def shifts(study: Study, out: Path, episodes: int | None) -> None:
    """The calibrated agent of `worlds`, in worlds that the calibration never saw, and without a margin beside it."""
    guardrails = load_guardrails(out / f"{study.name}-guardrails.json")
    bare = tuple(replace(part, margin=0.0, calibration=None) for part in guardrails)
    for name, settings in SHIFTS.items():
        for label, rules in (("calibrated", guardrails), ("margin 0", bare)):

            def one(settings: Mapping[str, float] = settings, rules: tuple[Guardrail, ...] = rules) -> dict[str, Any]:
                world = Unfaithful(world=study.world, **settings)
                return lean(world, study, study.agent(rules, REPORTED_ON), rules, episodes or 1000)

            kept(out / f"shift-{study.name}-{name.replace(' ', '-').replace('-%', '')}-{label.replace(' ', '-')}.json", one)


def table(out: Path) -> None:
    """The tables of the documentation."""
    for file in sorted(out.glob("alpha-*.json")):
        told = json.loads(file.read_text())
        (name,) = told["alphas"]
        fresh_, calibrated = told.get("fresh"), told["guardrails"][0]["margin"]
        seen = (
            "no margin was accepted"
            if fresh_ is None
            else f"margin {calibrated:.4f}, {fresh_['breaches'][name]['violations']} broken, success {100 * fresh_['success']:.1f} %"
        )
        print(f"{file.stem}: {seen}")
    for file in sorted(out.glob("shift-*.json")):
        told = json.loads(file.read_text())
        seen = ", ".join(f"{name} {100 * counts['violated']:.1f} %" for name, counts in told["breaches"].items())
        print(f"{file.stem}: {seen}; success {100 * told['success']:.1f} %, fallback {100 * told['fallback_share']:.2f} %")
    for name in CASES:
        file = out / f"{name}.json"
        if not file.exists():
            continue
        told = json.loads(file.read_text())
        print(f"\n{name}, {told['episodes']} episodes")
        for row in told["guardrails"]["rows"]:
            print(
                f"  {row['name']} (margin {row['margin']:.4f}): "
                + ", ".join(f"{who} {100 * counts['violated']:.1f} % ({counts['violations']})" for who, counts in row["contestants"].items())
            )
        rates = {"guarded": told, **{who: floor for who, floor in told["floors"].items() if floor}}
        print(
            "  success: "
            + ", ".join(f"{who} {100 * rate['success']:.1f}" for who, rate in rates.items())
            + f"; fallback {100 * told['guardrails']['fallback_share']:.2f} %"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("what", choices=("worlds", "alphas", "shifts", "table"), default="worlds", nargs="?")
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--episodes", type=int, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.what == "table":
        table(args.out)
        return
    for name in args.only or (CASES if args.what == "worlds" else ["two-rooms"]):
        {"worlds": worlds, "alphas": alphas, "shifts": shifts}[args.what](Study(name, args.runs), args.out, args.episodes)


if __name__ == "__main__":
    main()
