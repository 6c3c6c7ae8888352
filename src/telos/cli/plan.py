"""`telos plan`: plan from one logged frame to another, and compare with what was logged in between; or as a task says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from telos.cli.acting import Acting


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Plan from a logged frame, to a later one or as a task says, and draw it."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    data: Path
    """Store with the episode."""
    episode: int
    """Which one."""
    start: int
    """Frame to start from."""
    goal: int | None = None
    """Frame to reach; or say --task."""
    task: Path | None = None
    """TOML file that says what to do, in place of --goal (docs/how-to/give-a-task.md)."""
    acting: Acting = Acting()
    seed: int = 0
    """Of planning."""
    out: Path | None = None
    """Where the picture goes; by default into the run's folder."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.tasks import run_plan
        from telos.cli.terminal import print_json, say
        from telos.core.errors import ConfigError
        from telos.core.run import Run
        from telos.data import Episodes
        from telos.evaluation.recovery import draw_recovery, recover

        run = Run.open(self.run_folder)
        if (self.goal is None) == (self.task is None):
            raise ConfigError("A plan leads to a frame, or does what a task says.", expected="either --goal or --task")
        if self.task is not None:
            return run_plan(self, run, self.task)
        assert self.goal is not None
        agent = self.acting.load(run, seed=self.seed)
        recovery = recover(agent, Episodes.open(self.data), episode=self.episode, start=self.start, goal=self.goal)
        picture = self.out or run.path / "plans" / f"episode-{self.episode}-from-{self.start}-to-{self.goal}.png"
        draw_recovery(recovery, picture)
        summary = {**recovery.to_json(), "planner": type(agent.settings.planner).__name__, "picture": str(picture), "seed": self.seed}
        if self.json:
            print_json(summary)
            return 0
        say(f"  {'':<16}{'energy':>10}{'least distance':>18}")
        for name, course in (("planned", recovery.planned), ("logged", recovery.logged), ("nothing done", recovery.zero)):
            if course is not None:
                say(f"  {name:<16}{course.energy:>10.4f}{course.distances.min():>18.4f}")
        if recovery.action_difference is not None:
            difference = f"{100 * recovery.action_difference:.0f} % of the action range"
            say(f"  planned and logged actions differ by {difference} (root mean square)")
        say(f"  picture   {picture}")
        return 0
