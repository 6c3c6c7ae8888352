"""`telos data curve`: would more logs help? Trains on growing parts of them, and says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from telos.data import Episodes, Selection
    from telos.evaluation.learning_curve import Point
    from telos.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Train on growing parts of a store, and say what more episodes would do; repeated after a crash, it goes on where it stopped."""

    store: Annotated[Positional[Path], arg(metavar="DIR")]
    """Folder of the store."""
    out: Path
    """Folder for the runs, curve.json and curve.html."""
    recipe: str = "default"
    """default (chosen by the data), another name that telos train knows, or your own file.py:function."""
    shares: tuple[float, ...] = (0.125, 0.25, 0.5, 1.0)
    """Parts of the training episodes; each is trained on for equally many steps."""
    seeds: int = 2
    """Trainings for each part, with other episodes, weights and batches."""
    held_out: float = 0.1
    """Share of the episodes that all are judged on, and none is trained on."""
    horizon: int = 10
    """Steps that are imagined."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import print_json, remark, say
        from telos.cli.threads import use_threads
        from telos.cli.worlds import absolute
        from telos.core.errors import ConfigError
        from telos.core.run import Run
        from telos.data import Episodes, split
        from telos.evaluation.learning_curve import draw_curve, write_curve_page
        from telos.evaluation.learning_curve.curve import FEWEST
        from telos.recipes.experiment import choose_recipe

        use_threads(self.threads)
        store = Episodes.open(self.store)
        training, held_out = split(store, held_out=self.held_out, seed=0)
        if self.seeds < 1 or self.horizon < 1 or not all(0 < share <= 1 for share in self.shares):
            what = f"A curve with {self.seeds} seeds, {self.horizon} steps ahead and the shares {', '.join(map(str, self.shares))} cannot be drawn."
            raise ConfigError(what, expected="1 seed and step or more, and shares above 0 up to 1")
        numbers = sorted({max(1, round(share * training.num_episodes)) for share in self.shares})
        if len(numbers) < FEWEST:
            what = f"A curve through {len(numbers)} different numbers of episodes says nothing."
            raise ConfigError(what, expected=f"{FEWEST} or more different --shares of {training.num_episodes} training episodes")
        recipe = choose_recipe(absolute(self.recipe), training)
        points, failed = self._points(store, held_out, recipe, numbers)
        curve = draw_curve(points)
        result = {**curve.to_json(), "failed": failed, "recipe": recipe.name, "horizon": self.horizon, "held_out_episodes": held_out.num_episodes}
        result |= {"fingerprints": [store.fingerprint], "page": str(self.out / "curve.html")}
        Run(self.out).write_json("curve.json", result)
        write_curve_page(curve, self.out / "curve.html", title=f"{self.store.name}: would more logs help?", failed=failed)
        for sentence in failed:
            remark(f"left out: {sentence}")
        if self.json:
            print_json(result)
            return 0
        say(f'  {"episodes":>10}   error, as a share of "nothing moves"')
        for num in numbers:
            errors = [point.error for point in points if point.episodes == num]
            say(f"  {num:>10,}   {'   '.join(f'{error:.3f}' for error in errors) or '–'}")
        say(f"\n  {curve.says}")
        say(f"  curve   {self.out / 'curve.html'}")
        return 0

    def _points(self, store: Episodes, held_out: Selection, recipe: Recipe, numbers: list[int]) -> tuple[list[Point], list[str]]:
        """Every training, and the sentences of those that came to nothing."""
        from telos.cli.terminal import bars
        from telos.core.errors import CollapseError
        from telos.evaluation.learning_curve import measure_point
        from telos.recipes.experiment import load_untrained, load_world_model, make_fabric
        from telos.recipes.subsets import train_subset

        fabric = make_fabric()
        fabric.launch()
        points, failed = [], []
        with bars() as progress:
            for num in numbers:
                for seed in range(self.seeds):
                    stage, folder = f"{num:,} · {seed}", self.out / "points" / f"episodes-{num}-seed-{seed}"

                    def watch(event, stage: str = stage) -> None:
                        progress.update(stage, event.step, event.num_steps)

                    about = {"recipe": recipe, "num_episodes": num, "seed": seed, "held_out": self.held_out}
                    try:
                        run = train_subset(store, folder, **about, watcher=watch, fabric=fabric)
                    except CollapseError as error:
                        failed.append(f"{num:,} episodes, seed {seed}: {error.what}")
                        continue
                    model, fresh = load_world_model(run), load_untrained(run)
                    points.append(measure_point(model, fresh, held_out, episodes=num, seed=seed, horizon=self.horizon))
        return points, failed
