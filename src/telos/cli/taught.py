"""What a run was taught of acting fast and slow, of being surprised, and of far goals, from its folder alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telos.core.run import Run

KINDS = ("policy", "arbiter", "surprise", "memory")
LEVELS, TIMES = "levels", "times"
"""Folders of world models above the first, by number, and of critics of time, by name."""


def taught_to_act(run: Run) -> dict[str, dict[str, Any] | None]:
    """The descriptions of policy, arbiter, sense of surprise and memory; None for what was not taught.

    Raises:
        RunError: a file is damaged.
    """
    from telos.core.taught_files import read_taught, taught_in

    there = {path.name: path for path in taught_in(run.path)}
    return {name: read_taught(there[name])["description"] if name in there else None for name in KINDS}


def taught_lines(taught: Mapping[str, Mapping[str, Any] | None]) -> Iterator[tuple[str, str]]:
    """A line for each thing that was taught, for people."""
    from telos.cli.terminal import percent

    policy, arbiter, surprise, memory = (taught[name] for name in KINDS)
    if policy is not None:
        energies = _measures(policy, "energy_reacting", "energy_planning", "energy_resting")
        how = "" if energies is None else " · energy {:.4g}, planning {:.4g}, resting {:.4g}".format(*energies)
        plans = _measures(policy, "num_plans")
        yield "policy", "acts without a search" + how + ("" if plans is None else f" · learned from {plans[0]:,.0f} plans")
    if arbiter is not None:
        shares = _measures(arbiter, "reacting", "wrongly")
        how = "" if shares is None else f"leaves {percent(shares[0])} to the policy, {percent(shares[1])} wrongly · "
        yield "arbiter", f"{how}alpha {arbiter.get('alpha')}"
    if surprise is not None:
        yield "surprise", f"against what was imagined {', '.join(map(str, surprise.get('horizons', ())))} steps before"
    if memory is not None:
        yield "memory", f"{memory.get('slots')} things that were found otherwise than expected"


def levels_of(run: Run) -> list[dict[str, Any]]:
    """The descriptions of its levels, the lowest first, each with its `level`. Raises RunError for a damaged file."""
    from telos.core.taught_files import read_taught, taught_in

    numbers = sorted((int(path.name), path) for path in taught_in(run.path / LEVELS) if path.name.isdecimal())
    return [{"level": number, **read_taught(path)["description"]} for number, path in numbers]


def critics_of_time(run: Run) -> dict[str, dict[str, Any]]:
    """The descriptions of its critics of time, by name. Raises RunError for a damaged file."""
    from telos.core.taught_files import read_taught, taught_in

    return {path.name: read_taught(path)["description"] for path in taught_in(run.path / TIMES)}


def level_lines(levels: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """A line for each level, for people."""
    for level in levels:
        told = (("steps", "one step is {:,} actions"), ("latent_size", "{:,} numbers"), ("macro_size", "macro-actions of {:,}"))
        parts = [words.format(level[name]) for name, words in (*told, ("num_landmarks", "{:,} landmarks")) if isinstance(level.get(name), int)]
        if (found := _measures(level, "explained_error", "nothing_moves", "information")) is not None:
            parts.append(f"error {found[0] / max(found[1], 1e-12):.3f} of nothing moves, told macro-actions of {found[2]:.1f} nats")
        if (found := _measures(level, "effective_rank")) is not None:
            parts.append(f"rank {found[0]:.0f}")
        yield f"level {level['level']}", " · ".join(parts)


def time_lines(times: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """A line for each critic of time, for people."""
    for name, critic in times.items():
        parts = [name]
        if isinstance(num := critic.get("num_landmarks"), int):
            parts.append(f"{num:,} states of the logs")
        if (found := _measures(critic, "slack")) is not None:
            parts.append(f"logged moves come out at most {found[0]:.1f} steps too long")
        if (found := _measures(critic, "rank_correlation")) is not None:
            parts.append(f"rank correlation with logged times {found[0]:.2f}")
        yield "time to go", " · ".join(parts)


def _measures(description: Mapping[str, Any], *names: str) -> tuple[float, ...] | None:
    """Numbers that were measured when it was taught; None where somebody taught it in another way."""
    measures = description.get("measures")
    found = [measures.get(name) for name in names] if isinstance(measures, Mapping) else []
    numbers = tuple(float(value) for value in found if isinstance(value, (int, float)))
    return numbers if numbers and len(numbers) == len(names) else None
