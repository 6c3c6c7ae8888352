"""How an agent went about it: how often it searched, how often it simply acted, why, and how often it was surprised."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from telos.agent.aims import LOWEST, aims_of
from telos.agent.loop import Agent
from telos.agent.memory import RememberingModel
from telos.agent.moments import PLANNED, REACTED, Moments
from telos.core import config

USUAL_LEVELS = (0.05, 0.01)
"""P-values below which a calibrated sense of surprise finds as many of the usual steps."""

PRACTICE = "practice.jsonl"
"""Where a run folder keeps how practice in the world changed it: one line for each block of episodes."""


@dataclass
class Conduct:
    """Counts what an agent does, step by step, over all episodes."""

    steps: int = 0
    decisions: int = 0
    """Steps at which somebody decided anew, and did not carry on with a plan."""
    searches: int = 0
    """Of these, those that took a search: calls of the planner, one for each episode."""
    searched_steps: int = 0
    """Steps whose action came of a search, however long ago."""
    fallback_steps: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Steps by mode and reason."""
    helped: Counter[int] = field(default_factory=Counter)
    """Steps at which a level above the lowest was of use, by its number."""
    _surprises: list[Tensor] = field(default_factory=list)

    def saw(self, moments: Moments) -> None:
        """One step of all episodes that are under way."""
        choice, num = moments.choice, moments.num_rows
        searched = int(choice.planned.sum())
        self.steps += num
        self.searched_steps += searched
        self.searches += moments.num_searched
        self.decisions += num if moments.decided else 0
        if moments.verdict is not None:
            self.fallback_steps += int(moments.verdict.fallback.sum())
        for mode, rows in ((PLANNED, choice.planned), (REACTED, ~choice.planned)):
            counts = torch.bincount(choice.reason[rows], minlength=len(choice.reasons)).tolist()
            self.reasons.update({(mode, why): count for why, count in zip(choice.reasons, counts, strict=True) if count})
        self.helped.update({level: int(aim.helps.sum()) for level, aim in enumerate(aims_of(moments.aim), start=LOWEST + 1)})
        if moments.surprise is not None:
            self._surprises.append(moments.surprise.cpu())

    def to_json(self, agent: Agent) -> dict[str, Any]:
        """Counts and shares of steps, beside the settings of the agent that they come of.

        `modes` and `reasons` are shares of all steps, and so is `helped`, by the number of the level: at how many a level above the lowest was of
        use; `surprise` counts p-values: None where nobody has measured what is usual.
        """
        steps, settings = max(self.steps, 1), agent.settings
        reasons = [{"mode": mode, "why": why, "share": count / steps} for (mode, why), count in self.reasons.most_common()]
        return {
            "mode": settings.mode,
            "risk": None if settings.risk is None else config.to_json(settings.risk),
            "surprise_level": settings.surprise_level,
            "when_surprised": settings.when_surprised,
            "proposals": settings.proposals,
            "levels": settings.levels,
            "time_to_go": settings.time_to_go,
            "helped": {str(level): self.helped[level] / steps for level in sorted(self.helped)},
            "memory": ("always" if settings.remembers else "episode") if isinstance(agent.world_model, RememberingModel) else None,
            "steps": self.steps,
            "decisions": self.decisions,
            "searches": self.searches,
            "modes": {PLANNED: self.searched_steps / steps, REACTED: 1 - self.searched_steps / steps if self.steps else 0.0},
            "reasons": reasons,
            "surprise": self._surprise(settings.surprise_level) if self._surprises else None,
        }

    def _surprise(self, level: float) -> dict[str, Any]:
        values = torch.cat(self._surprises)
        below = {f"{one:g}": float((values < one).double().mean()) for one in USUAL_LEVELS}
        return {"surprises": int((values < level).sum()), "below": below, "median": float(values.double().median()), "least": float(values.min())}
