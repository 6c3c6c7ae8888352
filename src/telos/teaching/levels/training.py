"""The training of levels one after the other, and what is kept of it."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric

from telos.agent.levels import Level, LevelConfig
from telos.core import config
from telos.core.errors import RunError
from telos.core.levels import distinct
from telos.core.run import Run, atomic_file, plain
from telos.core.seeding import derive_seed, torch_generator
from telos.core.taught import save_taught
from telos.core.weights import fingerprint, load_weights
from telos.recipes.knowledge import LEVELS, LOWEST
from telos.teaching.levels.climbing import ROWS_AT_ONCE, Climbed, climbed
from telos.teaching.levels.curriculum import LevelRecipe
from telos.training import Curriculum
from telos.training.trainer import Trainer, Watcher

MOST_FRAMES = 40_000
"""Frames that landmarks are chosen among."""


class Seen(NamedTuple):
    """All frames as a level sees them."""

    known: Climbed
    held_out: Climbed

    def from_above(self, level: Level) -> "Seen":
        """The same as the level above sees them."""
        return Seen(climbed(level, self.known), climbed(level, self.held_out))


@dataclass(frozen=True)
class LevelTraining:
    """What the training of all levels has in common. Each has a folder of its own while it lasts, where a killed one goes on."""

    run: Run
    recipe: LevelRecipe
    seed: int
    fabric: Fabric
    watcher: Watcher

    def one_by_one(self, below: Seen, strides: Sequence[int]) -> tuple[tuple[Level, ...], list[Seen]]:
        """The levels, trained each on the one before; and what each looks at."""
        levels, looked_at = [], []
        for number, stride in enumerate(strides, LOWEST):
            logs, description = below.known.logs(stride), self._description(stride, below.known)
            torch.manual_seed(derive_seed(self.seed, "level", number))
            level = description.build({name: logs.moments(name) for name in ("observation", "action")})
            if levels:
                level.stand_on(levels[-1])
            self.fit(level, number, below, self.recipe.curriculum(int(logs.lengths.max())))
            levels.append(level)
            looked_at.append(below)
            below = below.from_above(level) if number < LOWEST + len(strides) - 1 else below
        return tuple(levels), looked_at

    def settle(self, levels: tuple[Level, ...], below: Seen) -> list[Seen]:
        """Trains the dynamics of each anew, now that they have changed how they see; and says what each looks at."""
        looked_at = []
        for number, level in enumerate(levels, LOWEST):
            if looked_at:
                below = below.from_above(levels[number - LOWEST - 1])
                level.stand_on(levels[number - LOWEST - 1])
            whole = self.recipe.curriculum(int(below.known.logs(level.stride).lengths.max()))
            self.fit(level, number, below, replace(whole, phases=whole.phases[1:]), part="settle")
            looked_at.append(below)
        return looked_at

    def fit(self, level: Level, number: int, below: Seen, curriculum: Curriculum, *, part: str = "train") -> None:
        """Trains a level in its folder, or reads what was trained there already. Raises CollapseError as training does."""
        seed = derive_seed(self.seed, "level", number)
        known, held_out = (seen.logs(level.stride) for seen in below)
        about = {"curriculum": config.to_json(curriculum), "seed": self.seed, "logs": known.fingerprint, "fresh": fingerprint(level)}
        work = self._workplace(number, part, about)
        level.requires_grad_(True)
        if work.finished:
            load_weights(work.weights_file, level)
        else:
            Trainer(
                run=work,
                world_model=level,
                logs=known,
                held_out=held_out,
                curriculum=curriculum,
                seed=seed,
                fabric=self.fabric,
                watcher=lambda progress: self.watcher(replace(progress, stage=f"level {number}")),
            ).fit()
        level.to(below.known.latents.device).eval().requires_grad_(False)

    def keep(self, levels: tuple[Level, ...], looked_at: list[Seen], *, tie: str) -> list[dict[str, Any]]:
        """Saves all levels, with their landmarks and metrics; gives the last line of the metrics of each.

        Args:
            tie: fingerprint of the world model.
        """
        last = []
        for number, (level, below) in enumerate(zip(levels, looked_at, strict=True), LOWEST):
            set_landmarks(level, below.known, torch_generator(self.seed, "landmarks", number))
            metrics = self._metrics(number)
            measures = {name: value for name, value in metrics[-1].items() if isinstance(value, float) and math.isfinite(value)}
            description = replace(self._description(level.stride, below.known), measures=measures)
            save_taught(self.run.path / LEVELS / str(number), description, level, tie=tie)
            with atomic_file(self.run.path / LEVELS / f"{number}.jsonl") as temporary:
                temporary.write_text("".join(json.dumps(plain(line)) + "\n" for line in metrics), encoding="utf-8")
            tie = fingerprint(level)
            last.append(metrics[-1])
        return last

    def clear(self, levels: tuple[Level, ...]) -> None:
        """Removes the folders that training needed."""
        for number in range(LOWEST, LOWEST + len(levels)):
            for part in PARTS:
                shutil.rmtree(self._work(number, part).path, ignore_errors=True)

    def note(self, number: int, values: dict[str, Any]) -> None:
        """Adds a line to a level's metrics."""
        self._work(number, "train").append_metrics(values)

    def _metrics(self, number: int) -> list[dict[str, Any]]:
        """Of all trainings of a level, their steps counted through."""
        lines: list[dict[str, Any]] = []
        for part in PARTS:
            before = lines[-1]["step"] if lines else 0
            lines += [{**line, "step": before + line["step"]} for line in self._work(number, part).metrics()]
        return lines

    def _description(self, stride: int, below: Climbed) -> LevelConfig:
        recipe = self.recipe
        return LevelConfig(
            below=below.sizes,
            acts=below.space,
            latent_size=recipe.latent_size,
            macro_size=recipe.macro_size,
            stride=stride,
            steps=stride * below.steps,
            width=recipe.width,
            bound=recipe.bound,
            num_landmarks=min(recipe.num_landmarks, len(below.latents), MOST_FRAMES),
            belief_size=below.beliefs.shape[1],
        )

    def _work(self, number: int, part: str) -> Run:
        return Run(self.run.path / LEVELS / f"{part}-{number}")

    def _workplace(self, number: int, part: str, about: dict[str, Any]) -> Run:
        """A folder for this training alone: that of the same one that was killed, or a new one."""
        work = self._work(number, part)
        try:
            found = Run.open(work.path).description
        except RunError:
            found = {}
        if found == {**plain(about), "format": found.get("format")}:
            return work
        shutil.rmtree(work.path, ignore_errors=True)
        return Run.create(work.path, about)


PARTS = ("train", "settle")
"""Trainings of a level, in order; the second only where all are trained together in between."""


@torch.no_grad()
def set_landmarks(level: Level, below: Climbed, generator: torch.Generator) -> None:
    """Real states, spread over all that was seen, each as far as can be from all before."""
    rows = torch.randperm(len(below.latents), generator=generator)[:MOST_FRAMES].to(below.latents.device)
    seen = torch.cat([level.raised(part) for part in below.latents[rows].split(ROWS_AT_ONCE)])
    chosen = distinct(seen, len(level.landmarks))
    level.landmarks.beliefs.copy_(below.beliefs[rows[chosen]])
    level.landmarks.latents.copy_(seen[chosen])
