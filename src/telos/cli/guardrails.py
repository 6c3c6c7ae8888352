"""What `telos evaluate` tells of guardrails."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telos.core.guarding import Guardrail
    from telos.core.run import Run


def guardrails_of(run: "Run", *, needed: bool = False) -> "tuple[Guardrail, ...]":
    """The guardrails that a run keeps. Raises ConfigError if it keeps none and some are `needed`; RunError if they are damaged."""
    from telos.agent.guardrails import load_guardrails
    from telos.agent.guardrails.saving import FILE
    from telos.core.errors import ConfigError

    file = run.path / FILE
    if file.exists():
        return load_guardrails(file)
    if needed:
        raise ConfigError(f"{run.path} keeps no guardrails.", fix=f"telos calibrate {run.path} --guardrails RULES.toml gives it some")
    return ()


def show_guardrails(told: Mapping[str, Any]) -> None:
    """Who broke which guardrail how often, by the true state; and how often the agent had to fall back."""
    from rich.table import Table

    from telos.cli.terminal import LABELS, percent, results, say

    for row in told["rows"]:
        margin = "not in force" if row["margin"] is None else f"margin {row['margin']:.4g}{'' if row['calibrated'] else ', not calibrated'}"
        say(f"\n  guardrail '{row['name']}': alpha {row['alpha']:g}, {margin}; by the true state")
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for title in ("", "broken", "95 % interval", "episodes", "worst"):
            table.add_column(title, justify="left" if not title else "right")
        for who, counts in row["contestants"].items():
            low, high = counts["violated_low"], counts["violated_high"]
            name = "Telos" if who == "agent" else LABELS.get(who, who)
            share = f"{100 * low:.1f} to {100 * high:.1f}"
            table.add_row(f"  {name}", percent(counts["violated"]), share, f"{counts['violations']}", f"{counts['worst']:+.3g}")
        results.print(table)
    if told["in_force"]:
        say(f"  fallback  no plan was safe in {percent(told['fallback_share'])} of the steps")
