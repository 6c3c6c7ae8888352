"""From a survey to the page."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

import telos
from telos.core.errors import DataError
from telos.core.run import atomic_file
from telos.data import Episodes
from telos.data.survey.survey import Survey
from telos.evaluation.dataset_report import sections
from telos.evaluation.report.page import Section, page


def write_dataset_report(survey: Survey, logs: Episodes, out: Path) -> Path:
    """Writes the page about a store.

    Args:
        survey: what `survey_store` found in it.
        logs: the store.
        out: the file.

    Raises:
        DataError: the file cannot be written.
    """
    content = page(
        title=f"{logs.path.name}: what these logs hold",
        lead=_lead(survey, logs),
        sections=list(_sections(survey, logs)),
        footer="Made by Telos; this page needs no network.",
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(out) as temporary:
            temporary.write_text(content, encoding="utf-8")
    except OSError as error:
        raise DataError(f"The report {out} cannot be written: {error.strerror or error}.", fix="choose another --out") from error
    return out


def _sections(survey: Survey, logs: Episodes) -> Iterator[Section]:
    parts = (
        sections.findings(survey),
        sections.contact_sheet(logs),
        sections.odd_episodes(logs, survey),
        sections.actions(logs, survey),
        sections.states(survey),
        sections.statistics(survey),
    )
    yield from (part for part in parts if part is not None)
    yield Section(title="For the record", says="What was read.", body=_record(survey, logs) + sections.columns(survey))


def _lead(survey: Survey, logs: Episodes) -> list[str]:
    found = survey.inspection
    lengths = f"{found.shortest:,} to {found.longest:,} steps each" if found.shortest != found.longest else f"{found.longest:,} steps each"
    amount = f"{found.episodes:,} episodes of {lengths}, {found.steps:,} steps in all."
    num = len(survey.findings)
    verdict = "Nothing stood out." if not num else f"{num} thing{'' if num == 1 else 's'} should be looked at before training."
    return [
        f"{amount} Each step: {escape(logs.spaces.observation.describe())}; the action is {escape(logs.spaces.action.describe())}.",
        f"<strong>{verdict}</strong>",
    ]


def _record(survey: Survey, logs: Episodes) -> str:
    environment = logs.environment
    entries = {
        "store": str(logs.path),
        "fingerprint": logs.fingerprint,
        "environment": "none named" if environment is None else f"{environment.get('name')} {environment.get('args') or ''}",
        "behaviour": "not said" if logs.behaviour is None else str(logs.behaviour),
        "telos": telos.__version__,
    }
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in entries.items()) + "</dl>"
