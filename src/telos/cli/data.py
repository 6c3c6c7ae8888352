"""`telos data`: collect logs, and look at them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg, subcommand


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Log episodes of an environment, with a random wanderer at the controls."""

    env: Annotated[Positional[str], arg(metavar="ENV")]
    """two-rooms, maze, point-mass, gym:Name-v0, gym:module:Name-v0, or your own file.py:ClassName."""
    episodes: int
    """How many episodes."""
    out: Path
    """Folder of the new store."""
    steps: int = 40
    """Most steps per episode."""
    seed: int = 0
    """Of everything random."""
    env_args: tuple[str, ...] = ()
    """Arguments of the environment, as key=value."""
    copies: int = 64
    """Environments that run side by side."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        import dataclasses

        from telos import data, envs
        from telos.cli.terminal import bars, print_json, remark
        from telos.cli.worlds import absolute
        from telos.core.errors import ConfigError
        from telos.core.spaces import Spaces, space_from_gym

        name = absolute(self.env)
        args = envs.parse_args(name, self.env_args)
        if min(self.copies, self.episodes, self.steps) < 1:
            what = f"{self.episodes} episodes of {self.steps} steps, {self.copies} side by side, cannot be collected."
            raise ConfigError(what, expected="1 or more of each")
        env = envs.make_vector_env(name, min(self.copies, self.episodes), **{"max_steps": self.steps, **args})
        spaces = _spaces_of(env, Spaces, space_from_gym)
        policy = data.HeldRandomActions()
        with bars() as progress:
            store = data.collect(
                env,
                policy,
                self.out,
                episodes=self.episodes,
                steps=self.steps,
                seed=self.seed,
                spaces=spaces,
                environment={"name": name, "args": args},
                progress=lambda done, total: progress.update("collect", done, total),
            )
        env.close()
        summary = {
            "out": str(self.out),
            "episodes": store.num_episodes,
            "steps": store.num_steps,
            "policy": dataclasses.asdict(policy),
            "seed": self.seed,
        }
        if self.json:
            print_json(summary)
        else:
            remark(f"{store.num_episodes:,} episodes, {store.num_steps:,} steps of random wandering in {self.out}")
            remark(f"  next   telos train {self.out} --out runs/{self.out.name}")
        return 0


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """Say what is in a store, verify its checksums, and draw a contact sheet."""

    store: Annotated[Positional[Path], arg(metavar="DIR")]
    """Folder of the store."""
    quick: bool = False
    """Leave the checksums and the pictures out."""
    out: Path | None = None
    """Where the contact sheet goes; by default STORE-contact-sheet.png beside the store."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from rich.markup import escape

        from telos.cli.terminal import messages, print_json, say
        from telos.data.inspection import inspect_store

        inspection = inspect_store(self.store, quick=self.quick)
        summary = inspection.to_json()
        if not self.quick and not inspection.damaged:
            from telos.data import Episodes
            from telos.data.contact_sheet import contact_sheet

            sheet = self.out or self.store.with_name(f"{self.store.name}-contact-sheet.png")
            summary["contact_sheet"] = str(contact_sheet(Episodes.open(self.store), sheet))
        if self.json:
            print_json(summary)
        else:
            say(f"{self.store}: {inspection.episodes:,} episodes, {inspection.steps:,} steps")
            for name, column in inspection.columns.items():
                numbers = "no finite number" if column.low is None else f"{column.low:.4g} to {column.high:.4g}"
                say(f"  {name:<24} {column.dtype:<8} {list(column.shape)!s:<16} {numbers}")
            if "contact_sheet" in summary:
                say(f"  contact sheet   {summary['contact_sheet']}")
        for problem in inspection.problems:
            messages.print(f"[yellow]problem:[/yellow] {escape(problem)}", soft_wrap=True)
        return 2 if inspection.damaged else 0


@dataclass(frozen=True, kw_only=True)
class Data:
    """Collect and inspect logged episodes."""

    verb: Annotated[Collect, subcommand("collect")] | Annotated[Inspect, subcommand("inspect")]

    def run(self) -> int:
        return self.verb.run()


def _spaces_of(env, spaces, space_from_gym):
    if hasattr(env, "world"):
        return env.world.spaces
    return spaces(
        observation=space_from_gym(env.single_observation_space, what="The observation"),
        action=space_from_gym(env.single_action_space, what="The action"),
    )
