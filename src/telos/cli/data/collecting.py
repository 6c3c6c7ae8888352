"""`telos data collect`: log episodes of an environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from telos.core.spaces import Spaces


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Log episodes of an environment, with a random wanderer at the controls, or whom you say; with --explore, a trained agent
    that looks for what its logs have not seen."""

    env: Annotated[Positional[str], arg(metavar="ENV")]
    """two-rooms, maze, point-mass, push, gym:Name-v0, gym:module:Name-v0, or your own file.py:ClassName."""
    episodes: int
    """How many episodes."""
    out: Path
    """Folder of the new store."""
    steps: int = 40
    """Most steps per episode."""
    policy: str | None = None
    """Who acts: random (by default), expert (the world's scripted one, sent to random goals), or your own file.py:ClassName."""
    explore: Path | None = None
    """Run folder of an agent that acts in place of a policy: it goes where its own logs, and these, have hardly been."""
    noise: float | None = None
    """For the expert: share of the time in which it acts at random; 0.5 by default."""
    seed: int = 0
    """Of everything random."""
    env_args: tuple[str, ...] = ()
    """Arguments of the environment, as key=value."""
    copies: int = 64
    """Environments that run side by side."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos import data, envs
        from telos.cli.terminal import bars, print_json, print_problem, remark
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
        policy = _make_explorer(self, spaces) if self.explore else _make_policy(self.policy or "random", self.noise, env)
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
            "policy": policy.describe(),
            "seed": self.seed,
            "problems": store.metadata.get("problems", []),
        }
        if self.json:
            print_json(summary)
        else:
            remark(f"{store.num_episodes:,} episodes, {store.num_steps:,} steps of {self._who()} in {self.out}")
            for problem in summary["problems"]:
                print_problem(problem)
            remark(f"  next   telos train {self._all_logs()} --out runs/{self.out.name}")
        return 0

    def _who(self) -> str:
        if self.explore:
            return f"{self.explore}, exploring,"
        name = self.policy or "random"
        return {"random": "random wandering", "expert": "an expert that is often led astray"}.get(name, name)

    def _all_logs(self) -> str:
        """What to train on next: an explorer's logs do not hold again what it knew before."""
        from telos.core.run import Run

        before = [Path(part["path"]) for part in Run.open(self.explore).description["data"]] if self.explore else []
        here = Path.cwd()
        return " ".join(str(path.relative_to(here) if path.is_relative_to(here) else path) for path in [*before, self.out])


def _make_explorer(options: Collect, spaces: Spaces):
    """Raises ConfigError where somebody else is asked to act too, and what stands in the way of exploring with this run."""
    from telos.core.errors import ConfigError
    from telos.teaching.exploration import Explore

    if options.policy is not None or options.noise is not None:
        raise ConfigError("An explorer acts by itself.", fix="leave out --policy and --noise, or --explore")
    policy = Explore(run=str(options.explore))
    policy.check(spaces)
    return policy


def _spaces_of(env, spaces, space_from_gym):
    if hasattr(env, "world"):
        return env.world.spaces
    return spaces(
        observation=space_from_gym(env.single_observation_space, what="The observation"),
        action=space_from_gym(env.single_action_space, what="The action"),
    )


def _make_policy(name: str, noise: float | None, env):
    """Raises ConfigError for a name that stands for no behaviour, and for noise that nobody asked for."""
    import dataclasses

    from telos import data
    from telos.core.config import load_class
    from telos.core.errors import ConfigError, UnknownNameError

    if noise is not None and name != "expert":
        raise ConfigError(f"The policy '{name}' takes no --noise.", fix="--policy expert, or leave --noise away")
    if name == "random":
        return data.HeldRandomActions()
    if name == "expert":
        policy = data.WanderingExpert(world=env.world)
        return policy if noise is None else dataclasses.replace(policy, noise=noise)
    if ":" not in name:
        raise UnknownNameError.of("policy", name, ("random", "expert"))
    policy = load_class(name)()
    if not isinstance(policy, data.AbstractBehaviour):
        raise ConfigError(f"'{name}' is not a behaviour.", expected="a subclass of telos.data.AbstractBehaviour")
    return policy
