"""`telos calibrate`: margins with which guardrails hold, proved on episodes that the agent plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from telos.cli.acting import Acting

if TYPE_CHECKING:
    from telos.core.guarding import Guardrail
    from telos.core.run import Run
    from telos.core.world import AbstractWorld
    from telos.evaluation.protocols import Protocol
    from telos.teaching.calibration import CalibrationResult, OpenLoopErrors

REPORT, PICTURE = "calibration.json", "guardrails.png"
"""What a run keeps beside the guardrails themselves: how they were calibrated, and what it looks like."""
SHOWN_EPISODES = 100


@dataclass(frozen=True, kw_only=True)
class Calibrate:
    """Find margins with which guardrails hold, prove them on fresh episodes, and keep the guardrails with the run."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run; the quantities that guardrails speak of have been taught to it with telos readout."""
    guardrails: Path
    """TOML file with a [[guardrail]] table for each (docs/tutorial-guardrails.md)."""
    alpha: float | None = None
    """Share of the episodes in which a guardrail may be broken, for all of them; by default each one's own."""
    confidence: float = 0.95
    """That this share is kept, over the chance in the episodes that are played."""
    episodes: int = 400
    """Fresh episodes for each margin."""
    margins: str | None = None
    """Margins to test, the widest first, separated by commas, in the guardrail's unit; by default multiples of the open-loop estimate."""
    multiples: str | None = None
    """Multiples of the open-loop estimate to test, the largest first, separated by commas."""
    open_loop: bool = False
    """Read margins from held-out logs alone; says what that does not cover."""
    protocol: str | None = None
    """A kind of start and goal of the world, or offset; by default the world's first."""
    offset: int | None = None
    """Goals seen so many steps after the start in held-out episodes; implies --protocol offset."""
    radius: float | None = None
    """How near counts as reached; by default the world's rule."""
    steps: int | None = None
    """Time allowed per episode; by default the world's rule."""
    conflicts: bool = False
    """Play only where the world's scripted expert, which knows of no guardrail, breaks one."""
    acting: Acting = Acting()
    seed: int = 0
    """Of starts, goals and planning; the episodes are others than those of telos evaluate."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.agent.guardrails import load_guardrails_file
        from telos.cli.threads import use_threads
        from telos.core.errors import ConfigError
        from telos.core.run import Run

        run = Run.open(self.run_folder)
        use_threads(self.threads)
        if self.margins is not None and self.multiples is not None:
            raise ConfigError("Both --margins and --multiples say which margins are tested.", fix="leave out one of them")
        if self.open_loop and (self.margins is not None or self.multiples is not None):
            raise ConfigError("With --open-loop the logs say what the margin is.", fix="leave out --margins and --multiples")
        rules = load_guardrails_file(self.guardrails)
        guardrails = tuple(replace(rule, margin=0.0, alpha=rule.alpha if self.alpha is None else self.alpha) for rule in rules)
        return self._on_logs(run, guardrails) if self.open_loop else self._closed_loop(run, guardrails)

    def _closed_loop(self, run: Run, guardrails: tuple[Guardrail, ...]) -> int:
        from telos.agent.guardrails import save_guardrails
        from telos.cli.terminal import bars, print_json, say
        from telos.cli.worlds import world_of
        from telos.evaluation import make_protocol
        from telos.teaching.calibration import calibrate, check_guardrails, margins_from, margins_given

        world = world_of(run)
        check_guardrails(guardrails, self.episodes, self.confidence)
        rules = {"radius": self.radius, "steps": self.steps}
        protocol = make_protocol(world, self.protocol, episodes=self.episodes, offset=self.offset, seed=self.seed, **rules)
        with bars() as progress:
            if self.margins is not None:
                estimates: dict[str, float] = {}
                candidates = margins_given(guardrails, _numbers("margins", self.margins))
            else:
                errors = self._errors(run, guardrails, progress)
                estimates = {part.name: errors[part.name].scale(part.alpha) if part.requirement.graded else 0.0 for part in guardrails}
                candidates = margins_from(estimates, *(() if self.multiples is None else (_numbers("multiples", self.multiples),)))
            result = calibrate(
                self._maker(run),
                world,
                protocol,
                guardrails,
                candidates,
                confidence=self.confidence,
                estimates=estimates,
                logs=_logs(run, protocol),
                conflicts=self.conflicts,
                progress=progress.update,
            )
            picture = self._draw(run, world, protocol, result, progress) if result.accepted else None
        told = result.to_json()
        run.write_json(REPORT, told)
        if result.accepted:
            save_guardrails(run.path / "guardrails.json", result.guardrails)
            told["picture"] = None if picture is None else str(picture)
        if self.json:
            print_json(told)
        else:
            _show(result)
            if result.accepted:
                say(f"\n  kept     {run.path / 'guardrails.json'}: whoever loads the agent gets them too")
                if picture is not None:
                    say(f"  picture  {picture}")
                say(f"  next     telos evaluate {run.path}{' --conflicts' if self.conflicts else ''}{self.acting.typed}")
        return 0 if result.accepted else 1

    def _on_logs(self, run: Run, guardrails: tuple[Guardrail, ...]) -> int:
        from telos.agent.guardrails import save_guardrails
        from telos.cli.terminal import bars, print_json, say
        from telos.core import config
        from telos.teaching.calibration import NOT_COVERED, calibrate_on_logs

        with bars() as progress:
            errors = self._errors(run, guardrails, progress)
        agent = self._maker(run)(guardrails, self.seed)
        found = calibrate_on_logs(guardrails, errors, agent, source=f"held-out episodes of {run.path.name}")
        save_guardrails(run.path / "guardrails.json", found)
        told = {"accepted": True, "closed_loop": False, "guardrails": [config.to_json(part) for part in found], "not_covered": list(NOT_COVERED)}
        run.write_json(REPORT, told)
        if self.json:
            print_json(told)
            return 0
        for guardrail in found:
            assert guardrail.calibration is not None
            say(f"  {guardrail.name}: margin {guardrail.margin:.4g}, which {100 * guardrail.alpha:g} % of episodes like the logged ones may exceed")
            say(f"    from the greatest errors of {guardrail.calibration.episodes} held-out episodes, {guardrail.calibration.violations} beyond it")
        say("\n  This rests on logs alone, and does not cover:")
        for sentence in NOT_COVERED:
            say(f"  - {sentence}")
        say(f"\n  kept     {run.path / 'guardrails.json'}, marked as read from logs")
        return 0

    def _maker(self, run: Run) -> Any:
        def make(guardrails: tuple[Guardrail, ...], seed: int) -> Any:
            return self.acting.load(run, seed=seed, guardrails=guardrails)

        return make

    def _errors(self, run: Run, guardrails: tuple[Guardrail, ...], progress: Any) -> Mapping[str, OpenLoopErrors]:
        """Open-loop errors of what can have a margin."""
        from telos.cli.worlds import held_out_logs
        from telos.core.errors import DataError
        from telos.recipes.experiment import load_recipe
        from telos.recipes.knowledge import load_knowledge
        from telos.teaching.calibration import open_loop_errors

        graded = {part.name: part.requirement for part in guardrails if part.requirement.graded}
        if not graded:
            return {}
        try:
            logs = held_out_logs(run)
        except DataError as error:
            raise DataError(f"{error.what} They say which margins are worth a try.", fix="bring them back, or say --margins yourself") from error
        every = load_recipe(run).agent.replan_every
        horizon = every + max(part.fallback.steps for part in guardrails)
        tell = lambda done, total: progress.update("logs", done, total)  # noqa: E731
        return open_loop_errors(load_knowledge(run), graded, logs, horizon=horizon, progress=tell)

    def _draw(self, run: Run, world: AbstractWorld, protocol: Protocol, result: CalibrationResult, progress: Any) -> Path | None:
        """The picture; None where what draws it is not installed."""
        from telos.core.errors import MissingExtraError
        from telos.teaching.calibration.drawing import draw_calibration

        try:
            shown = replace(protocol, episodes=min(SHOWN_EPISODES, protocol.episodes))
            logs = _logs(run, protocol)
            tell = lambda done, total: progress.update("picture", done, total)  # noqa: E731
            return draw_calibration(run.path / PICTURE, self._maker(run), world, shown, result, logs=logs, conflicts=self.conflicts, progress=tell)
        except MissingExtraError:
            return None


def _logs(run: Run, protocol: Protocol) -> Any:
    from telos.cli.worlds import held_out_logs

    return held_out_logs(run) if protocol.offset is not None else None


def _numbers(option: str, text: str) -> Sequence[float]:
    from telos.core.errors import ConfigError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--{option} is '{text}'.", expected="numbers separated by commas, the largest first, such as 0.06,0.04,0.02") from error


def _show(result: CalibrationResult) -> None:
    """The margins in the order in which they were tested."""
    from rich.table import Table

    from telos.cli.terminal import percent, results, say

    for guardrail in result.guardrails:
        estimate = result.estimates.get(guardrail.name)
        about = "" if estimate is None else f"; the logs suggest {estimate:.4g}"
        say(f"\n  {guardrail.name}: alpha {guardrail.alpha:g} at {100 * result.confidence:g} % confidence{about}")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in ("", "margin", "broken", "at most", "", "success", "95 % interval", "fallback"):
            table.add_column(title, justify="right", no_wrap=True)
        for trial in result.trials:
            low, high = trial.success.interval
            table.add_row(
                "→" if trial is result.chosen else " ",
                f"{trial.margins[guardrail.name]:.4f}",
                f"{trial.violations[guardrail.name]} of {trial.episodes}",
                percent(trial.bound(guardrail.name, result.confidence)),
                "accepted" if trial.accepted else "rejected",
                percent(trial.success.value),
                f"{100 * low:.1f} to {100 * high:.1f}",
                percent(trial.fallback_share),
            )
        results.print(table)
    if result.chosen is None:
        say("\n  No margin was accepted: nothing is kept. Wider margins (--multiples 4,3,2), a better readout or more logs may help.")
