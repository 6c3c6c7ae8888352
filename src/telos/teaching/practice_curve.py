"""From slow to fast, as numbers and as a picture."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from telos.core.drawings import save_figure
from telos.core.errors import MissingExtraError
from telos.core.run import atomic_file


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some episodes, after which the agent has learned."""

    episodes: int
    """Episodes so far, these among them."""
    planned: float
    """Share of its steps for which there was a search."""
    success: float
    """Share of its episodes that succeeded."""
    steps: int
    """Steps of its episodes."""
    searches: int
    """Searches while acting."""
    plans: int
    """All plans, those for learning afterwards among them."""
    cpu_seconds: float
    """Of the processor, so far."""


@dataclass(frozen=True, kw_only=True)
class PracticeCurve:
    """How an agent became fast."""

    kind: str
    """Starts and goals."""
    blocks: tuple[Block, ...]

    def write(self, path: Path) -> None:
        """One JSON a line, in place of what was there."""
        with atomic_file(path) as temporary:
            temporary.write_text("".join(json.dumps({"kind": self.kind, **asdict(block)}) + "\n" for block in self.blocks), encoding="utf-8")

    def draw(self, path: Path) -> None:
        """A picture: the share of steps that are planned, and success, against episodes."""
        draw_curves({"": self}, path)


def draw_curves(curves: dict[str, PracticeCurve], path: Path) -> None:
    """Several agents, a panel each: searches become rare, success stays.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", extra="report", purpose="The picture of a skill that grows") from error
    figure = Figure(figsize=(4.6 * len(curves), 3.0))
    axes = figure.subplots(1, len(curves), sharey=True, squeeze=False)
    for panel, (title, curve) in zip(axes[0], curves.items(), strict=True):
        episodes = [block.episodes for block in curve.blocks]
        panel.plot(episodes, [100 * block.success for block in curve.blocks], color="#3a7d5c", marker="o", ms=3, label="episodes that succeed")
        panel.plot(episodes, [100 * block.planned for block in curve.blocks], color="#c8553d", marker="o", ms=3, label="steps that are planned")
        panel.set(xlabel="episodes practised", title=title, ylim=(-3, 103))
        panel.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_ylabel("%")
    figure.legend(*axes[0][0].get_legend_handles_labels(), frameon=False, loc="lower center", ncols=2)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    save_figure(figure, path, dpi=130)
