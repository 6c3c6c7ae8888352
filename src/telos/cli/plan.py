"""`telos plan`: plan from one logged frame to another, and compare with what was logged in between; or as a task says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from telos.cli.acting import Acting

if TYPE_CHECKING:
    from telos.agent.loop import Agent
    from telos.data import AbstractEpisodes
    from telos.evaluation.recovery import Recovery


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
        from telos.cli.terminal import print_json
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
        agent, logs = self.acting.load(run, seed=self.seed), Episodes.open(self.data)
        recovery = recover(agent, logs, episode=self.episode, start=self.start, goal=self.goal)
        picture = self.out or run.path / "plans" / f"episode-{self.episode}-from-{self.start}-to-{self.goal}.png"
        draw_recovery(recovery, picture)
        summary = {**recovery.to_json(), "planner": type(agent.settings.planner).__name__, "picture": str(picture), "seed": self.seed}
        if recovery.plan is not None:
            summary["tree_picture"] = str(_draw_tree(agent, recovery, logs, picture, self.seed))
        if self.json:
            print_json(summary)
            return 0
        _tell(recovery, summary)
        return 0


def _draw_tree(agent: Agent, recovery: Recovery, logs: AbstractEpisodes, picture: Path, seed: int) -> Path:
    """The plan level by level, beside the other picture."""
    from telos.core.logs import map_tree
    from telos.evaluation.report.plan_tree import draw_plan_tree

    assert recovery.plan is not None
    file, frames = picture.with_name(f"{picture.stem}-tree.svg"), recovery.trajectory.observations
    now, goal = (map_tree(lambda leaf, row=row: leaf[row], frames) for row in (0, -1))
    draw_plan_tree(agent, recovery.plan, logs, file, now=now, goal=goal, seed=seed)
    return file


def _tell(recovery: Recovery, summary: Mapping[str, Any]) -> None:
    """A small table, for people."""
    from telos.agent.aims import aims_to_json
    from telos.cli.terminal import say

    say(f"  {'':<16}{'energy':>10}{'least distance':>18}")
    for name, course in (("planned", recovery.planned), ("logged", recovery.logged), ("nothing done", recovery.zero)):
        if course is not None:
            say(f"  {name:<16}{course.energy:>10.4f}{course.distances.min():>18.4f}")
    if recovery.action_difference is not None:
        difference = f"{100 * recovery.action_difference:.0f} % of the action range"
        say(f"  planned and logged actions differ by {difference} (root mean square)")
    levels = None if recovery.plan is None else aims_to_json(recovery.plan.aim, 0)
    for level in levels or ():
        helps = f"goes for subgoal {level['subgoal']} of {level['of']}: " if level["helps"] else "does not help: "
        say(f"  level {level['level']}   {helps}{level['why']}")
    for reason in summary["why"]:
        say(f"  why       {reason}")
    say(f"  picture   {summary['picture']}")
    if "tree_picture" in summary:
        say(f"  tree      {summary['tree_picture']}")
