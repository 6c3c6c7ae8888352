"""`telos practise`: teach a run to act without a search, and when that is good enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from telos.core.run import Run


@dataclass(frozen=True, kw_only=True)
class Practise:
    """Teach a run a policy that acts at once, from its logs and from its own plans, and an arbiter that says when to plan instead."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    rounds: int | None = None
    """Rounds in which it plans where its policy is weak, and learns from the plans; 0: logs alone. By default 16."""
    alpha: float | None = None
    """Share of all steps in which the arbiter may let the policy act though a plan is better; by default 0.02."""
    episodes: int = 0
    """Then practise in the run's world for so many episodes: it begins slow, by planning, and becomes fast by itself."""
    protocol: str | None = None
    """With --episodes: a kind of start and goal of the world; by default the world's first."""
    seed: int = 0
    """Of the choice of problems, of planning and of fitting."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, print_json
        from telos.cli.threads import use_threads
        from telos.core.errors import ConfigError
        from telos.core.run import Run
        from telos.teaching.policy import Course, teach_policy

        run = Run.open(self.run_folder)
        use_threads(self.threads)
        if self.episodes < 0 or (self.protocol is not None and not self.episodes):
            raise ConfigError(f"Practice in the world takes {self.episodes} episodes.", expected="--episodes of 1 or more")
        asked: dict[str, Any] = {"rounds": self.rounds, "alpha": self.alpha}
        course = Course(**{name: value for name, value in asked.items() if value is not None})
        with bars() as progress:
            told = teach_policy(run, seed=self.seed, course=course, progress=progress.update).to_json()
            told["practice"] = self.in_the_world(run, progress.update) if self.episodes else []
        if self.json:
            print_json({"run": str(run.path), "seed": self.seed, "rounds": course.rounds, **told})
        else:
            _tell(told, run)
        return 0

    def in_the_world(self, run: Run, progress: Callable[[str, int, int], None]) -> list[dict[str, Any]]:
        """Block by block, how often it planned and how often it arrived; what it has learned is kept."""
        from dataclasses import asdict

        from telos.cli.worlds import world_of
        from telos.core.taught import save_taught
        from telos.core.weights import fingerprint
        from telos.evaluation import make_protocol
        from telos.evaluation.conduct import PRACTICE
        from telos.recipes.experiment import load_agent
        from telos.recipes.knowledge import ARBITER, POLICY
        from telos.teaching.practising import Exercise, Practice, practise

        world, agent = world_of(run), load_agent(run, mode="auto", seed=self.seed)
        exercise = Exercise(episodes=min(Exercise().episodes, self.episodes))
        protocol = make_protocol(world, self.protocol, episodes=self.episodes, offset=None, seed=self.seed)
        blocks = math.ceil(self.episodes / exercise.episodes)
        curve = practise(agent, world, protocol, blocks=blocks, exercise=exercise, seed=self.seed, progress=progress)
        learned, tie = Practice(agent), fingerprint(agent.world_model)
        save_taught(run.path / POLICY, learned.policy.config, learned.policy, tie=tie)
        save_taught(run.path / ARBITER, learned.arbiter.config, learned.arbiter, tie=tie)
        curve.write(run.path / PRACTICE)
        return [asdict(block) for block in curve.blocks]


def _tell(told: Mapping[str, Any], run: Run) -> None:
    """The policy between doing nothing and planning, and how much the arbiter leaves to it."""
    from rich.table import Table

    from telos.cli.terminal import percent, results, say

    policy, arbiter = told["policy"], told["arbiter"]
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    table.add_column("energy", justify="right")
    names = {"planning": "planning", "reacting": "the policy", "from_logs": "the policy, from logs alone", "resting": "resting"}
    for name, label in names.items():
        table.add_row(f"  {label}", f"{policy[f'energy_{name}']:.4f}")
    results.print()
    results.print(table)
    floor = f"{policy['imitation_error']:.3f}, {policy['imitation_floor']:.3f} always the same action"
    say(f"\n  policy    {policy['num_plans']:,} plans learned from · distance from what plans do {floor}")
    let_through = f"{percent(arbiter['reacting'])} of {arbiter['num_problems']:,} held-out problems are left to the policy"
    say(f"  arbiter   {let_through}, {percent(arbiter['wrongly'])} wrongly; alpha {arbiter['alpha']:g}")
    if blocks := told["practice"]:
        first, last = blocks[0], blocks[-1]
        ways = ", ".join(f"{percent(block['planned'])} of the steps planned, {percent(block['success'])} reached" for block in (first, last))
        say(f"  practice  {last['episodes']:,} episodes; first and last {first['episodes']}: {ways}")
    say("  energy    mean over held-out problems that were imagined")
    say(f"  kept      {run.path / 'policy'}, {run.path / 'arbiter'}: json and safetensors")
    say(f"  next      telos evaluate {run.path} --mode auto")
