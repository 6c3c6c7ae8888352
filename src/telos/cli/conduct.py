"""What `telos evaluate` tells of how the agent went about it."""

from collections.abc import Mapping
from typing import Any


def show_conduct(conduct: Mapping[str, Any]) -> None:
    """How often it searched, how often it simply acted, and why; nothing about an agent that searches for everything and knows no surprise."""
    from telos.cli.terminal import percent, say

    if conduct["mode"] != "plan" or conduct["modes"]["react"]:
        say(f"  planned   in {percent(conduct['modes']['plan'])} of {conduct['steps']:,} steps, {conduct['searches']:,} calls of the planner in all")
        for part in conduct["reasons"][:5]:
            say(f"            {percent(part['share']):>7} {'planned' if part['mode'] == 'plan' else 'reacted'}: {part['why']}")
    if (surprise := conduct["surprise"]) is not None:
        below = ", ".join(f"{percent(share)} below {level}" for level, share in surprise["below"].items())
        level = conduct["surprise_level"]
        say(f"  surprise  {below} of the p-values" + (f"; {surprise['surprises']} surprises below {level:g}" if level else ""))
