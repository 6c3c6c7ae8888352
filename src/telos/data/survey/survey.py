"""All about a store that a person should know before training on it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DamagedStoreError
from telos.data.inspection import NAMED_EPISODES, Inspection, inspect_store
from telos.data.store import Episodes
from telos.data.survey.actions import ActionUse, action_use
from telos.data.survey.coverage import Coverage, coverage
from telos.data.survey.duplicates import NearDuplicates, near_duplicates, twins
from telos.data.survey.features import sample_frames
from telos.data.survey.outliers import Finding, outliers
from telos.data.survey.statistics import Statistic, episode_statistics

NUM_FRAMES = 2000
"""Frames that are compared with one another."""
LITTLE_USED = 0.5
"""Share of the range of an action below which it is worth a sentence."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was found."""

    inspection: Inspection
    actions: ActionUse
    coverage: Coverage
    statistics: tuple[Statistic, ...]
    duplicates: NearDuplicates
    findings: tuple[Finding, ...]
    """What somebody should look at: everything that inspection complains of, and everything that stands out."""

    def to_json(self) -> dict[str, Any]:
        return {
            **self.inspection.to_json(),
            "actions": self.actions.to_json(),
            "visited": [{"column": part.column, "numbers": list(part.numbers), "share": part.visited} for part in self.coverage.maps],
            "near_duplicates": {"share": self.duplicates.share, "frames": self.duplicates.num_frames},
            "statistics": {part.name: _summary(part.values) for part in self.statistics},
            "findings": [finding.to_json() for finding in self.findings],
        }


def survey_store(path: Path | str, *, seed: int = 0, progress: Callable[[str, int, int], None] = lambda stage, done, total: None) -> Survey:
    """Reads all of a store, with suspicion.

    Args:
        path: its folder.
        seed: of the frames that are compared with one another.
        progress: called with the stage, how much is done, and of how much.

    Raises:
        DataError: there is no store, or it cannot be read.
        DamagedStoreError: a file is cut or gone, so that there is nothing to look at.
    """
    progress("inspect", 0, 1)
    inspection = inspect_store(path)
    progress("inspect", 1, 1)
    if not inspection.episodes:
        raise DamagedStoreError(inspection.problems[0], fix="restore the file from a copy, or write the store again")
    logs = Episodes.open(path)
    frames = sample_frames(logs, NUM_FRAMES, seed=seed)
    statistics = episode_statistics(logs, frames.scale, lambda done, total: progress("episodes", done, total))
    duplicates = near_duplicates(frames, float(np.median(next(part for part in statistics if part.name == "pace").values)))
    actions = action_use(logs)
    found = [Finding("inspection", problem) for problem in inspection.problems]
    found += [*_action_findings(actions), *_twin_findings(twins(logs, frames.scale, seed=seed))]
    found += [finding for statistic in statistics if (finding := outliers(statistic)) is not None]
    return Survey(
        inspection=inspection,
        actions=actions,
        coverage=coverage(logs),
        statistics=tuple(statistics),
        duplicates=duplicates,
        findings=tuple(found),
    )


def _action_findings(found: ActionUse) -> list[Finding]:
    if found.discrete:
        never = found.dead
        return [Finding("actions", f"Never chosen: {', '.join(map(str, never))} of {len(found.numbers)} choices.")] if never else []
    little = [
        f"{index} ({100 * number.used:.0f} %)" for index, number in enumerate(found.numbers) if number.used is not None and number.used < LITTLE_USED
    ]
    if not little:
        return []
    says = f"Of the range of these numbers of the action, less than half was used: {', '.join(little)}. Plans may use all of it."
    return [Finding("actions", says)]


def _twin_findings(pairs: list[tuple[int, int]]) -> list[Finding]:
    if not pairs:
        return []
    named = ", ".join(f"{first} and {second}" for first, second in pairs[:NAMED_EPISODES])
    more = f" and {len(pairs) - NAMED_EPISODES} more pairs" if len(pairs) > NAMED_EPISODES else ""
    says = (
        f"Nearly the same course is taken by episodes {named}{more}. One of them among the held-out episodes makes figures look better than they are."
    )
    return [Finding("twins", says, tuple(dict.fromkeys(index for pair in pairs for index in pair)))]


def _summary(values: np.ndarray) -> dict[str, float]:
    low, middle, high = np.percentile(values, [5, 50, 95])
    return {"least": float(values.min()), "p5": float(low), "median": float(middle), "p95": float(high), "most": float(values.max())}
