"""Guardrails and far goals: one of two ways round is forbidden, and the other is long; one level, a critic of time, and levels above.

    play       each way of planning calibrated for itself at alpha 0.01 on seed 100, then fresh episodes of seed 0
    table      what was found, as the table of the documentation

Only far goals are played (beyond 60 % of the longest way) whose shortest way breaks the guardrail. Runs that have been taught position, a
critic of time and levels lie in RUNS, under the names of the maps (docs/commands.md says how they are made). The ladder is the map of
benchmarks/guarded.py; faults were found in it, settings were not chosen by it.

Run: python benchmarks/guarded_far.py RUNS OUT [play | table] [--only ring ...] [--ways flat ...] [--episodes 200]
"""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from guarded import CALIBRATED_ON, Case, Study, fresh, kept, rule

from telos.agent.actor import MPPI
from telos.agent.guardrails import Box, Hold, KeepOut, load_guardrails, save_guardrails
from telos.agent.loop import Agent
from telos.core.guarding import Guardrail
from telos.evaluation import make_protocol
from telos.evaluation.protocols import Protocol
from telos.recipes.experiment import USUAL, load_recipe
from telos.recipes.knowledge import load_knowledge


def corridor(side: int, row: int, first: int, last: int) -> tuple[Guardrail, ...]:
    """Cells `first` to `last` of a row of the map are forbidden."""
    region = Box(low=(first / side, row / side), high=((last + 1) / side, (row + 1) / side))
    return (rule("corridor", KeepOut(quantity="position", region=region), Hold()),)


CASES = {
    "ladder": Case(guardrails=corridor(7, 3, 2, 4), multiples=(0.6,)),
    "ring": Case(guardrails=corridor(9, 1, 3, 5), multiples=(0.6,)),
    "eight": Case(guardrails=corridor(9, 4, 3, 4), multiples=(0.6,)),
}


@dataclass(frozen=True)
class Way:
    """A way of planning."""

    planner: MPPI
    levels: int = 1
    time_to_go: str | None = None


SHORT = MPPI(horizon=8, num_candidates=64, num_iterations=3, noise_exponent=2.0)
WAYS = {
    "flat": Way(replace(SHORT, horizon=24)),
    "time": Way(SHORT, time_to_go="landmarks"),
    "two levels": Way(SHORT, levels=2),
    "two levels, time": Way(SHORT, levels=2, time_to_go="landmarks"),
    "three levels, time": Way(SHORT, levels=3, time_to_go="landmarks"),
}


class FarStudy(Study):
    """One map, and one way of planning in it."""

    def __init__(self, name: str, runs: Path, way: str) -> None:
        super().__init__(name, runs, CASES[name])
        self.way, self.planner = WAYS[way], WAYS[way].planner

    def agent(self, guardrails: tuple[Guardrail, ...], seed: int, planner: Any = None) -> Agent:
        way, usual = self.way, load_recipe(self.run).agent
        settings = replace(usual, planner=planner or way.planner, replan_every=2, levels=way.levels, time_to_go=way.time_to_go)
        return Agent(load_knowledge(self.run), settings, guardrails=guardrails, configurator=USUAL, seed=seed)

    def protocol(self, episodes: int, seed: int) -> Protocol:
        return make_protocol(self.world, "far", episodes=episodes, offset=None, seed=seed)


def play(name: str, runs: Path, way: str, out: Path, episodes: int) -> None:
    """Calibration, then fresh episodes with and without the guardrail."""
    study, label = FarStudy(name, runs, way), f"{name}-{way.replace(', ', '-').replace(' ', '-')}"
    file = out / f"{label}-guardrails.json"

    def first() -> dict[str, Any]:
        result = study.calibrated(0.01, CALIBRATED_ON)
        if result.accepted:
            save_guardrails(file, result.guardrails)
        return result.to_json()

    if not kept(out / f"{label}-calibration.json", first)["accepted"]:
        print(f"{label}: no margin was accepted")
        return
    kept(out / f"{label}.json", lambda: fresh(study, load_guardrails(file), episodes))


def table(out: Path) -> None:
    """A row for each way of planning in each map."""
    for name in CASES:
        for way in WAYS:
            file = out / f"{name}-{way.replace(', ', '-').replace(' ', '-')}.json"
            if file.exists():
                print(_row(name, way, json.loads(file.read_text())))


def _row(name: str, way: str, told: dict[str, Any]) -> str:
    (rail,) = told["guardrails"]["rows"]
    who, expert = rail["contestants"], told["floors"]["guarded expert"]
    broken = who["agent"]
    cells = (
        name,
        way,
        str(told["episodes"]),
        f"{rail['margin']:.3f}",
        f"{broken['violations']}: {100 * broken['violated']:.1f} % ({100 * broken['violated_low']:.1f} to {100 * broken['violated_high']:.1f})",
        f"{100 * who['unguarded']['violated']:.1f} %",
        f"{100 * told['success']:.1f} % ({100 * told['success_low']:.1f} to {100 * told['success_high']:.1f})",
        "–" if told["steps"] is None else f"{told['steps']:.0f} ({expert['steps']:.0f})",
        f"{100 * told['guardrails']['fallback_share']:.2f} %",
        f"{told['plan_cpu_seconds'] * told['planner_calls'] / told['episodes']:.2f} s",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("what", choices=("play", "table"), default="play", nargs="?")
    parser.add_argument("--only", nargs="*", default=list(CASES))
    parser.add_argument("--ways", nargs="*", default=list(WAYS))
    parser.add_argument("--episodes", type=int, default=200)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.what == "table":
        table(args.out)
        return
    for name in args.only:
        for way in args.ways:
            play(name, args.runs, way, args.out, args.episodes)


if __name__ == "__main__":
    main()
