"""`telos surprise`: measure what is usual, so that an agent can be surprised by what is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from telos.core.run import Run
    from telos.data import AbstractEpisodes


@dataclass(frozen=True, kw_only=True)
class Surprise:
    """Teach a run what is usual, on two thirds of some episodes, so that what happens has a p-value; and check that on the last third."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    horizons: str = "1,2,4,8"
    """How many steps ago what is compared was imagined, separated by commas."""
    own: int = 0
    """Take so many episodes that the agent plays itself, in place of held-out logs: where it goes on its own, other errors are usual."""
    seed: int = 0
    """Of the windows that are looked at."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, percent, print_json, say
        from telos.cli.threads import use_threads
        from telos.core.errors import ConfigError
        from telos.core.run import Run
        from telos.teaching.surprise import teach_surprise

        run = Run.open(self.run_folder)
        use_threads(self.threads)
        if self.own < 0:
            raise ConfigError(f"The agent cannot play {self.own} episodes.", expected="--own of 4 or more; better 400")
        with bars() as progress:
            own = self._own_episodes(run) if self.own else None
            told = teach_surprise(run, own, horizons=_steps(self.horizons), seed=self.seed, progress=progress.update).to_json()
        if self.json:
            print_json({"run": str(run.path), "seed": self.seed, "own": self.own, **told})
            return 0
        ahead = ", ".join(map(str, told["horizons"]))
        where = "held-out steps" if not self.own else "of its own steps"
        say(f"  usual     is what {told['num_steps']:,} {where} were like, imagined {ahead} steps before")
        for level, found in told["below"].items():
            interval = f"{100 * found['low']:.1f} to {100 * found['high']:.1f}"
            steps = f"{told['held_out_steps']:,} others"
            say(f"  check     {percent(found['share'])} of {steps} have a p-value below {level} (95 % interval {interval})")
        say(f"  kept      {run.path / 'surprise'}: json and safetensors")
        say(f"  next      telos evaluate {run.path} --surprise 0.01")
        return 0

    def _own_episodes(self, run: Run) -> AbstractEpisodes:
        """Episodes that nobody evaluates, played once and kept; by policy and plans where the run has practised, else by plans."""
        from telos.cli.acting import Acting
        from telos.cli.taught import taught_to_act
        from telos.cli.worlds import world_of
        from telos.core.seeding import derive_seed
        from telos.teaching.ratings.own_episodes import play_episodes

        mode = "plan" if taught_to_act(run)["policy"] is None else "auto"
        seed = derive_seed(self.seed, "own episodes") % 2**31
        agent = Acting(mode=mode).load(run, seed=seed)
        return play_episodes(agent, world_of(run), run.path / "own-episodes" / f"{mode}-{self.own}-{self.seed}", episodes=self.own, seed=seed)


def _steps(text: str) -> tuple[int, ...]:
    from telos.core.errors import ConfigError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--horizons is '{text}'.", expected="whole numbers separated by commas, such as 1,2,4,8") from error
