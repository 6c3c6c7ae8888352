"""Other people's logs in, a store out: streams, goes on after a kill, and says what it left out."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from telos.core.errors import DataError, MissingExtraError, TelosError
from telos.core.folders import cannot_write, check_target
from telos.core.run import plain
from telos.data.checks import check_json
from telos.data.formats.base import AbstractSource
from telos.data.importing.conversion import convert
from telos.data.importing.cutting import Piece, cut
from telos.data.importing.detection import opened
from telos.data.importing.journal import Journal
from telos.data.importing.lookahead import in_order
from telos.data.importing.options import ImportOptions
from telos.data.importing.outcome import BadEpisode, Outcome
from telos.data.importing.result import ImportResult, LeftOut, left_out, notes
from telos.data.importing.selection import Plan, learned, make_plan
from telos.data.importing.stamp import stamp_of
from telos.data.manifest import MANIFEST, Manifest, digest

MOST_THREADS = 8
Progress = Callable[[int, int], None]


def plan_import(source: Path | str, *, format: str | None = None, **options: Any) -> Plan:
    """What `import_logs` would do; raises as it does."""
    with opened(Path(source), format) as found:
        return make_plan(found.description, ImportOptions(**options))


def import_logs(
    source: Path | str,
    out: Path | str,
    *,
    format: str | None = None,
    threads: int | None = None,
    announce: Callable[[Plan], None] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> ImportResult:
    """Copies somebody's data set into a store.

    Memory stays bounded however long an episode is. Killed at any moment, the same call goes on where it was, to the same
    bytes; until it is done, nothing appears at `out`, and `source` is only ever read.

    Args:
        source: File or folder.
        out: Where the store shall be.
        format: Name of the layout; found out by default.
        threads: Readers that work side by side; by default as many as there are processors, up to 8. The bytes do not depend on it.
        announce: Called with what was found, and what will be done with it, before anything is copied.
        progress: Called now and then with the steps done and those expected.
        options: Fields of `ImportOptions`, such as `resize=64`.

    Raises:
        UnknownNameError: there is no such format or column.
        ConfigError: options that contradict one another, or what was found.
        DataError: the source is damaged or in no known layout, nothing of it can be taken, or the store cannot be written.
        SpaceError: numbers that do not survive float32.
        MissingExtraError: the package that reads it is not installed.
    """
    source, out = Path(source), Path(out)
    chosen = ImportOptions(**options)
    with opened(source, format) as found:
        plan = make_plan(found.description, chosen)
        about = {"source": stamp_of(source), "settings": {"format": found.description.format, **dataclasses.asdict(chosen)}}
        if (done := _finished(out, about)) is not None:
            return done
        check_target(out)
        check_json(_metadata(plan, about, ()))
        if announce is not None:
            announce(plan)
        try:
            journal = Journal(out, about, _units(plan))
        except OSError as error:
            raise cannot_write(out, error) from error
        return _Importer(found, plan, journal, about, progress or (lambda done, total: None)).run(threads)


class _Importer:
    def __init__(self, source: AbstractSource, plan: Plan, journal: Journal, about: Mapping[str, Any], progress: Progress) -> None:
        self.source, self.plan, self.journal, self.about, self.progress = source, plan, journal, about, progress
        self.resumed = journal.num_done
        lengths = plan.description.lengths
        self.num_steps = sum(lengths[episode] for episode in plan.episodes)
        self.num_done = sum(lengths[episode] for episode in plan.episodes[: self.resumed])

    def run(self, threads: int | None) -> ImportResult:
        try:
            self._copy(threads or min(MOST_THREADS, os.cpu_count() or 1))
            self.journal.commit()
            return self._publish()
        except OSError as error:
            self.journal.close()
            raise cannot_write(self.journal.out, error) from error
        except TelosError:
            # Repeating the command would meet the same mistake: there is nothing to go on from.
            self.journal.discard()
            raise
        except BaseException:
            self.journal.close()
            raise

    def _copy(self, threads: int) -> None:
        """Reads and converts ahead, and writes in order."""
        left = self.plan.episodes[self.resumed :]
        threads = 1 if self.source.in_order else threads
        for (episode, outcome), pieces in in_order(((episode, Outcome(episode)) for episode in left), self._read, threads):
            self.progress(self.num_done, self.num_steps)
            self.journal.done(self._write(outcome, pieces))
            self.num_done += self.plan.description.lengths[episode]
        self.progress(self.num_done, self.num_steps)

    def _read(self, job: tuple[int, Outcome]) -> Iterator[Piece]:
        episode, outcome = job
        for piece in cut(self._chunks(episode), self.plan, outcome):
            yield convert(piece, self.plan, outcome)

    def _chunks(self, episode: int) -> Iterator[Mapping[str, Any]]:
        try:
            yield from self.source.chunks(episode, self.plan.names)
        except MissingExtraError:
            raise
        except DataError as error:
            raise BadEpisode(error.what.rstrip(".")) from error

    def _write(self, outcome: Outcome, pieces: Iterator[Piece]) -> Outcome:
        columns = self.journal.columns
        marks, done = columns.mark(), self.num_done
        most = done + self.plan.description.lengths[outcome.episode]
        try:
            for piece in pieces:
                self._check(piece)
                columns.append(piece.rows)
                done += len(next(iter(piece.rows.values()))) * self.plan.stride
                self.progress(min(done, most), self.num_steps)
        except BadEpisode as error:
            if self.plan.options.bad == "refuse":
                raise DataError(f"Episode {outcome.episode} cannot be taken: {error}.", fix="--bad skip leaves such episodes out") from error
            columns.rewind(marks)
            return outcome.left_out(str(error))
        return outcome

    def _check(self, piece: Piece) -> None:
        try:
            self.journal.columns.check(piece.rows, "it")
        except DataError as error:
            raise BadEpisode(error.what.rstrip(".")) from error

    def _publish(self) -> ImportResult:
        outcomes = self.journal.outcomes
        lengths = tuple(length for outcome in outcomes for length in outcome.lengths)
        if not lengths:
            parts = "; ".join(map(str, left_out(self.plan, outcomes)))
            raise DataError(f"Nothing of {self.about['source']['name']} can be taken: {parts or 'it is empty'}.", expected="at least one episode")
        metadata = _metadata(self.plan, self.about, outcomes)
        description = self.plan.description
        manifest = Manifest(
            _spaces(self.plan, outcomes), self.journal.columns.finish(), lengths, environment=description.environment, metadata=metadata
        )
        self.journal.publish(manifest)
        remark = (self.journal.remark,) if self.journal.remark else ()
        return _result(self.journal.out, manifest, resumed=self.resumed, remarks=remark)


def _spaces(plan: Plan, outcomes):
    if not plan.learns_bounds:
        return plan.spaces
    lows, highs = ([bound for outcome in outcomes if (bound := getattr(outcome, name)) is not None] for name in ("low", "high"))
    return learned(plan, [min(column) for column in zip(*lows, strict=True)], [max(column) for column in zip(*highs, strict=True)])


def _metadata(plan: Plan, about: Mapping[str, Any], outcomes) -> dict[str, Any]:
    description = plan.description
    origins = [outcome.episode for outcome in outcomes for _ in outcome.lengths]
    imported = {
        "format": description.format,
        "source": about["source"],
        "settings": about["settings"],
        "columns": {column.target: column.source.name for column in plan.columns},
        "left_out": [dataclasses.asdict(part) for part in left_out(plan, outcomes)],
        "notes": notes(plan, outcomes),
        **({"episodes": origins} if origins != list(range(len(description.lengths))) else {}),
    }
    fps = {"fps": description.fps / plan.stride} if description.fps else {}
    parts = {column.target: column.source.parts for column in plan.columns if column.source.parts}
    return plain({"import": imported, **fps, **({"parts": parts} if parts else {}), "source": description.metadata})


def _units(plan: Plan) -> dict[str, str]:
    return {column.target: column.source.unit for column in plan.columns if column.source.unit}


def _finished(out: Path, about: Mapping[str, Any]) -> ImportResult | None:
    """What a call like this one has brought to its end already, down to the last moment before it said so."""
    try:
        manifest = Manifest.read(out) if (out / MANIFEST).is_file() else None
    except DataError:
        return None
    imported = manifest.metadata.get("import") if manifest is not None else None
    if manifest is None or not isinstance(imported, dict) or not {"left_out", "notes", "columns", "format"} <= set(imported):
        return None
    same = digest([imported.get("source"), imported.get("settings")]) == digest([plain(about["source"]), plain(about["settings"])])
    return _result(out, manifest, resumed=len(manifest.lengths)) if same else None


def _result(out: Path, manifest: Manifest, *, resumed: int, remarks: tuple[str, ...] = ()) -> ImportResult:
    imported = manifest.metadata["import"]
    return ImportResult(
        path=out,
        format=imported["format"],
        episodes=len(manifest.lengths),
        steps=sum(manifest.lengths),
        left_out=tuple(LeftOut.from_json(part) for part in imported["left_out"]),
        notes=(*remarks, *imported["notes"]),
        columns=imported["columns"],
        resumed=resumed,
    )
