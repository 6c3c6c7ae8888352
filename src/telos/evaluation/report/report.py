"""One self-contained page about a run, for people."""

from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from telos.core import config
from telos.core.run import atomic_file
from telos.core.spaces import Spaces
from telos.evaluation.planner_curves import read_curves
from telos.evaluation.report import (
    attempt_sections,
    conduct_section,
    far_goals_section,
    guardrail_section,
    model_sections,
    offline_sections,
    planner_section,
    shift_section,
    tables,
)
from telos.evaluation.report.decoder import DecoderConfig
from telos.evaluation.report.findings import Findings, find
from telos.evaluation.report.page import Section, page
from telos.evaluation.report.sources import Sources
from telos.evaluation.report.video import check_video_encoder


def write_report(
    sources: Sources,
    evaluation: Mapping[str, Any] | None,
    *,
    offline: Mapping[str, Any] | None = None,
    seed: int = 0,
    decoder: DecoderConfig | None = None,
    progress: Callable[[str, int, int, str], None] = lambda stage, done, total, note: None,
) -> Path:
    """Writes `report.html` into the run's folder.

    Args:
        evaluation: what `telos evaluate` found, as JSON; None if the run has not been evaluated.
        offline: what it found by logs alone, if it was asked.
        seed: of the decoder and of what is drawn by lot; the attempts are those of the evaluation.
        decoder: how the decoder that draws what was imagined is trained.
        progress: called with "report", how much is done, of how much, and a note.

    Raises:
        MissingExtraError: what makes videos is not installed.
    """
    check_video_encoder()
    findings = find(sources, evaluation, seed=seed, decoder=decoder or DecoderConfig(), progress=progress)
    content = page(
        title=_title(sources),
        lead=_lead(sources, findings, evaluation),
        sections=list(_sections(sources, findings, evaluation, offline)),
        footer=_footer(sources, findings),
    )
    file = sources.run.path / "report.html"
    with atomic_file(file) as temporary:
        temporary.write_text(content, encoding="utf-8")
    progress("report", 100, 100, str(file))
    return file


def _sections(sources: Sources, findings: Findings, evaluation: Mapping[str, Any] | None, offline: Mapping[str, Any] | None) -> Iterator[Section]:
    """The film and the table first; what there is nothing to show of is left out."""
    attempts, dream, world = findings.attempts, findings.dream, sources.world
    if attempts is not None and attempts.footage.pictures is not None:
        yield attempt_sections.attempt_film(attempts, evaluation, sees_pictures=findings.sees_pictures)
    elif attempts is None and dream is not None and dream.pictures is not None:
        yield model_sections.dream_film(dream)
    if evaluation is not None:
        yield attempt_sections.success(evaluation)
    if conduct_section.has_conduct(sources.run, evaluation):
        yield conduct_section.conduct(sources.run, evaluation, () if attempts is None else attempts.episodes)
    if evaluation is not None and evaluation.get("guardrails"):
        yield guardrail_section.guardrails(sources.run, evaluation)
    if evaluation is not None and evaluation.get("shifts") and world is not None and attempts is not None:
        yield shift_section.other_looks(world, attempts.episodes[0].states, evaluation)
    if (curves := read_curves(sources.run)) is not None:
        yield planner_section.planners(curves)
    if offline is not None:
        yield offline_sections.go_or_no_go(offline)
        if offline["action_recovery"]:
            yield offline_sections.action_recovery(offline)
    if attempts is not None:
        yield attempt_sections.step_by_step(attempts)
    if world is not None and attempts is not None and attempts.landscape is not None:
        yield attempt_sections.landscape(world, attempts.landscape, attempts)
        yield attempt_sections.more_attempts(world, attempts.episodes)
    if findings.far is not None:
        yield from far_goals_section.far_goals(sources, findings.far, attempts, evaluation)
    if findings.open_loop is not None:
        yield model_sections.imagination((offline or {}).get("open_loop") or findings.open_loop, dream)
    probes = (evaluation or offline or {}).get("probe") or []
    if findings.map is not None or probes:
        yield model_sections.latents(findings.map, probes, sources.agent.world_model.latent_size)
    if metrics := sources.run.metrics():
        yield model_sections.learning(metrics)
    if sources.missing:
        listed = "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sources.missing) + "</ul>"
        yield Section(title="What is left out", says="This run could not show all that a report can hold.", body=listed)
    yield Section(title="For the record", says="What to type, and what to compare, to get the same numbers again.", body=_record(sources, evaluation))


def _title(sources: Sources) -> str:
    environment = sources.run.description["data"][0]["environment"]
    return f"{environment['name']}: an agent that learned by watching" if environment else "A model that learned by watching"


def _lead(sources: Sources, findings: Findings, evaluation: Mapping[str, Any] | None) -> list[str]:
    what = "pictures" if findings.sees_pictures else "sensor readings"
    if sources.training is None:
        amount = "recordings"
    else:
        amount = f"{sources.training.num_episodes:,} recordings ({sources.training.num_steps:,} steps)"
    story = f"It was given {amount} of {what} and of the actions between them. No rewards, no labels, no map. "
    story += "From these alone it learned to imagine what its actions lead to."
    if sources.world is not None:
        story += " Then it is shown a goal, tries out actions in its imagination, and carries out those that end nearest to the goal."
    paragraphs = [story]
    if evaluation is not None:
        rate = f"{tables.percent(evaluation['success'])} of {evaluation['episodes']} attempts (95 % interval {tables.interval(evaluation)})"
        floor = evaluation["floors"].get("random")
        beside = f"; acting at random, in {tables.percent(floor['success'])}" if floor else ""
        paragraphs.append(f"<strong>It reached the goal in {rate}{beside}.</strong>")
    return paragraphs


def _record(sources: Sources, evaluation: Mapping[str, Any] | None) -> str:
    about = sources.run.description
    spaces = Spaces.from_json(about["spaces"])
    entries = {
        "recipe": f"{about['recipe']['name']}, seed {about['seed']}, telos {about['telos']}",
        "observes": spaces.observation.describe(),
        "acts by": spaces.action.describe(),
        "logs": ", ".join(f"{Path(part['path']).name} (fingerprint {part['fingerprint'][:12]})" for part in about["data"]),
    }
    if evaluation is not None:
        planner = dict(evaluation["planner"])
        name = str(planner.pop("class")).rpartition(":")[2]
        entries["planner"] = f"{name} ({', '.join(f'{key} {value}' for key, value in planner.items())})"
        entries["one plan"] = f"{1000 * evaluation['plan_cpu_seconds']:.1f} ms of CPU time; {evaluation['planner_calls']:,} searches in all"
        entries["command"] = _command(sources, evaluation)
        entries["protocol"] = f"{evaluation['protocol']['name']}, seed {evaluation['seed']}, hash {evaluation['protocol_hash']}"
        entries["versions"] = ", ".join(f"{name} {version}" for name, version in evaluation["versions"].items())
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in entries.items()) + "</dl>"


def _command(sources: Sources, evaluation: Mapping[str, Any]) -> str:
    protocol, recipe = evaluation["protocol"], sources.run.description["recipe"]
    start = f"--offset {protocol['offset']}" if protocol["offset"] is not None else f"--protocol {protocol['name']}"
    command = f"telos evaluate {sources.run.path} {start} --episodes {protocol['episodes']} --seed {protocol['seed']}"
    if guarded := evaluation.get("guardrails"):
        command += ("" if guarded["in_force"] else " --without-guardrails") + (" --conflicts" if guarded["conflicts_only"] else "")
    same = evaluation["planner"] == recipe["agent"]["planner"]
    command += "" if same else f" --planner {config.short_name(type(config.from_json(evaluation['planner'])))}"
    acting = {name: value for name, value in evaluation.get("acting", {}).items() if value is not None and name != "planner"}
    return command + "".join(f" --{name.replace('_', '-')} {value}" for name, value in acting.items())


def _footer(sources: Sources, findings: Findings) -> str:
    size, made = sources.agent.world_model.latent_size, "Made by Telos; this page needs no network."
    if findings.fidelity is None:
        return made
    what = "pictures" if findings.sees_pictures else "readings"
    return (
        f"The model itself draws nothing: it imagines {size} numbers for each moment. For this page alone a decoder was trained afterwards to turn "
        f"such numbers back into {what}, for looking only; the agent has no part in it. On frames that it had not seen, its squared error is "
        f"{100 * findings.fidelity:.1f} % of that of always showing the mean frame. {made}"
    )
