"""`telos levels`: teach a run levels above its world model, each with a slower clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Teach a run levels above its world model: each sees the latents of the one below, and plans far goals as a few macro-actions."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    strides: tuple[int, ...] = (8, 4)
    """Steps of the level below in one step of each level, the lowest first. 8 4: level 2 counts in 8 steps of the world, level 3 in 32."""
    jointly: bool = False
    """Train all levels together at the end: the upper ones then shape how the lower ones see. The world model itself stays as it is."""
    latent_size: int = 16
    """Numbers in the latents of each level."""
    macro_size: int = 4
    """Numbers in a macro-action."""
    price: float = 0.02
    """What a nat that a macro-action tells costs, in units of the latent's mean squared error."""
    num_landmarks: int = 1000
    """Real states that each level knows, and draws its subgoals to."""
    num_steps: tuple[int, int, int] = (1200, 1500, 1000)
    """Batches of each phase: perception and dynamics together, dynamics in single steps, dynamics in rollouts."""
    num_joint_steps: int = 800
    """Batches in which all levels are trained together, with --jointly."""
    seed: int = 0
    """Of weights and batches."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, print_json
        from telos.cli.threads import use_threads
        from telos.cli.train import show_training
        from telos.core.run import Run
        from telos.teaching.levels import LevelRecipe, teach_levels

        run = Run.open(self.run_folder)
        sizes = {"latent_size": self.latent_size, "macro_size": self.macro_size, "num_landmarks": self.num_landmarks}
        recipe = LevelRecipe(**sizes, price=self.price, num_steps=self.num_steps, num_joint_steps=self.num_joint_steps)
        use_threads(self.threads)
        with bars() as progress:
            taught = teach_levels(run, self.strides, recipe=recipe, jointly=self.jointly, seed=self.seed, watcher=show_training(progress))
        if self.json:
            print_json({"run": str(run.path), "seed": self.seed, "jointly": self.jointly, "levels": taught.to_json()})
        else:
            _show(run.path, taught.to_json())
        return 0


def _show(path: Path, levels: list[dict]) -> None:
    from telos.cli.terminal import percent, say

    for found in levels:
        say(f"  level {found['level']}   {found['steps']} steps of the world in one of its own · {found['landmarks']:,} landmarks")
        explained = percent(found["gain"]) if found["gain"] is not None else "nothing"
        say(f"            macro-actions tell {found['information']:.1f} nats a step and explain {explained} of what happens")
        say(f"            rank {found['effective_rank']:.1f} of {found['latent_size']}")
    say(f"  kept      {path / 'levels'}: json, safetensors and metrics of each")
    say(f"  next      telos evaluate {path} --levels {1 + len(levels)}")
