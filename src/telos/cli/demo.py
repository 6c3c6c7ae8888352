"""`telos demo`: the main job, from collecting logs to a report, on a world that ships with us."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EPISODES, STEPS, GOALS = 2000, 40, 200


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Collect random logs of two rooms, train, reach 200 goals in the other room, and write a report with pictures."""

    out: Path = Path("runs/demo")
    """Folder for logs, run and report."""
    seed: int = 0
    """Of everything random."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        import time

        from telos.cli.terminal import bars, messages, print_json, results, say, success_table

        started = time.monotonic()
        import torch

        from telos.evaluation.report.video import check_video_encoder

        # Said now, not after minutes of training.
        check_video_encoder()

        messages.print(f"[bold]Telos demo[/bold] · two-rooms · seed {self.seed} · {torch.get_num_threads()} threads")
        with bars() as progress:
            result = self._go(progress)
        result |= {"seconds": time.monotonic() - started}
        if self.json:
            print_json(result)
            return 0
        results.print()
        results.print(success_table(result))
        position = next((part for part in result["probe"] or [] if part["quantity"] == "position"), None)
        if position:
            floors = f"untrained encoder {position['untrained']:.3f}, PCA {position['pca']:.3f}"
            say(f"\n  position read from the latent: R² {position['latent']:.3f}   ({floors})")
        say(f"\n  report   {result['report']}   ({result['seconds']:.0f} s in all)")
        say("  next     telos data collect maze --episodes 500 --steps 60 --out logs/maze")
        return 0

    def _go(self, progress) -> dict[str, Any]:
        from telos.cli.evaluate import evaluate_run
        from telos.cli.report import report_run
        from telos.cli.train import show_training
        from telos.core.errors import ConfigError
        from telos.data import Episodes
        from telos.recipes.experiment import train

        logs, folder = self.out / "logs", self.out / "run"
        if not logs.exists():
            self._collect(logs, progress)
        elif (seed := Episodes.open(logs).seed) != self.seed:
            raise ConfigError(f"{logs} was collected with the seed {seed}.", fix="choose another --out, or remove the folder")
        run = train(logs, folder, seed=self.seed, watcher=show_training(progress))
        result = evaluate_run(
            run,
            episodes=GOALS,
            seed=self.seed,
            progress=lambda name, done, total: progress.update("evaluate", done, total) if name == "agent" else None,
        )
        # Where somebody who opens the folder looks first.
        report = shutil.copyfile(report_run(run, result, seed=self.seed, progress=progress.update), self.out / "report.html")
        return {**result, "report": str(report)}

    def _collect(self, out: Path, progress) -> None:
        from telos import data, envs

        env = envs.WorldVectorEnv(envs.TwoRooms(), 64, max_steps=STEPS)
        data.collect(
            env,
            data.HeldRandomActions(),
            out,
            episodes=EPISODES,
            steps=STEPS,
            seed=self.seed,
            spaces=env.world.spaces,
            environment={"name": "two-rooms", "args": {}},
            progress=lambda done, total: progress.update("collect", done, total),
        )
