"""`telos time-to-go`: teach a run how long things take, from its logs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from telos.teaching.time_to_go import TimeLesson


@dataclass(frozen=True, kw_only=True)
class TimeToGo:
    """Teach a run a critic of time: how many steps lie between two states, so that it finds goals farther away than its plans look."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    kind: Literal["landmarks", "hindsight", "expectile", "quasimetric"] = "landmarks"
    """landmarks: a map of the logs, with shortest ways; or a network: hindsight, expectile, quasimetric (docs/how-to/far-goals.md says which)."""
    name: str | None = None
    """Of the critic, for --time-to-go; by default its kind, and its teacher."""
    data: tuple[Path, ...] = ()
    """Logs; by default those that the run was trained on. They may be short pieces: ways are put together."""
    landmarks: int | None = None
    """Number of landmarks of the map; by default as many as its clock asks for."""
    teacher: Literal["landmarks"] | None = None
    """Let the network learn what a map says, in place of what the logs say: as right as the map, and smooth."""
    steps: int = 3000
    """Of learning, for networks."""
    seed: int = 0
    """Of all chance."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, print_json
        from telos.cli.threads import use_threads
        from telos.core.run import Run
        from telos.recipes.experiment import open_logs
        from telos.teaching.time_to_go import teach_time_to_go

        run = Run.open(self.run_folder)
        use_threads(self.threads)
        with bars() as progress:
            lesson = teach_time_to_go(
                run,
                kind=self.kind,
                name=self.name,
                logs=open_logs(self.data) if self.data else None,
                num_landmarks=self.landmarks,
                teacher=self.teacher,
                steps=self.steps,
                seed=self.seed,
                progress=progress.update,
            )
        if self.json:
            print_json({"run": str(run.path), "seed": self.seed, **lesson.to_json()})
        else:
            _show(run.path, lesson)
        return 0


def _show(path: Path, lesson: TimeLesson) -> None:
    from telos.cli.terminal import say

    told = lesson.to_json()
    for one in told.get("tried", ()):
        say(f"  map       {one['landmarks']:,} landmarks: the fastest moves in the logs take {one['clock']:.2f} of the steps that they took")
    if "num_moves" in told:
        say(f"  knows     {told['num_moves']:,} moves between {told['num_landmarks']:,} landmarks")
    say(f"  slack     {told['slack']:.1f} steps: by so much real moves may come out longer than they were")
    say(f"  kept      {path / 'times' / lesson.name}: json and safetensors")
    say(f"  next      telos evaluate {path} --time-to-go {lesson.name}")
