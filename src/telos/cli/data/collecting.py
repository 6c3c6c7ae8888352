"""`telos data collect`: log episodes of an environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Log episodes of an environment, with a random wanderer at the controls, or whom you say."""

    env: Annotated[Positional[str], arg(metavar="ENV")]
    """two-rooms, maze, point-mass, push, gym:Name-v0, gym:module:Name-v0, or your own file.py:ClassName."""
    episodes: int
    """How many episodes."""
    out: Path
    """Folder of the new store."""
    steps: int = 40
    """Most steps per episode."""
    policy: str = "random"
    """Who acts: random, expert (the world's scripted one, sent to random goals), or your own file.py:ClassName."""
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
        import dataclasses

        from telos import data, envs
        from telos.cli.terminal import bars, print_json, print_problem, remark
        from telos.cli.worlds import absolute
        from telos.core.config import to_json
        from telos.core.errors import ConfigError
        from telos.core.spaces import Spaces, space_from_gym

        name = absolute(self.env)
        args = envs.parse_args(name, self.env_args)
        if min(self.copies, self.episodes, self.steps) < 1:
            what = f"{self.episodes} episodes of {self.steps} steps, {self.copies} side by side, cannot be collected."
            raise ConfigError(what, expected="1 or more of each")
        env = envs.make_vector_env(name, min(self.copies, self.episodes), **{"max_steps": self.steps, **args})
        spaces = _spaces_of(env, Spaces, space_from_gym)
        policy = _make_policy(self.policy, self.noise, env)
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
            "policy": to_json(policy) if dataclasses.is_dataclass(policy) else self.policy,
            "seed": self.seed,
            "problems": store.metadata.get("problems", []),
        }
        if self.json:
            print_json(summary)
        else:
            whose = {"random": "random wandering", "expert": "an expert that is often led astray"}.get(self.policy, self.policy)
            remark(f"{store.num_episodes:,} episodes, {store.num_steps:,} steps of {whose} in {self.out}")
            for problem in summary["problems"]:
                print_problem(problem)
            remark(f"  next   telos train {self.out} --out runs/{self.out.name}")
        return 0


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
