"""What a run was taught of acting fast and slow, and of being surprised, from its folder alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telos.core.run import Run

KINDS = ("policy", "arbiter", "surprise", "memory")


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


def _measures(description: Mapping[str, Any], *names: str) -> tuple[float, ...] | None:
    """Numbers that were measured when it was taught; None where somebody taught it in another way."""
    measures = description.get("measures")
    found = [measures.get(name) for name in names] if isinstance(measures, Mapping) else []
    numbers = tuple(float(value) for value in found if isinstance(value, (int, float)))
    return numbers if numbers and len(numbers) == len(names) else None
