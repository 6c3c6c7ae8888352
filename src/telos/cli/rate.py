"""`telos rate`: teach an agent a taste, by saying which of two clips is better."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from telos.core.run import Run
    from telos.teaching.ratings.session import RatingSession


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Teach an agent your taste: a local page shows two clips, and you say which one you like better."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    name: str = "taste"
    """What the critic is called; answers go to RUN/ratings/NAME, the critic to RUN/critics/NAME."""
    clips: Literal["logs", "agent"] = "logs"
    """Where clips come from: the run's logs, or episodes that the agent plays now (where the logs name a world)."""
    episodes: int = 64
    """Episodes that the agent plays, with --clips agent; once played they are kept beside the answers."""
    data: Path | None = None
    """Other logs of the same world to cut clips from, in place of the run's."""
    steps: int = 12
    """Steps of a clip."""
    scores: bool = False
    """Score single clips from 1 to 5, in place of comparing two."""
    pessimism: float = 1.0
    """How much the disagreement of the ensemble counts against a path."""
    fit: bool = False
    """Only fit the critic to the answers that are there, without a page."""
    report: bool = False
    """Only tell how good it is, and draw how its claims fare on held-out answers."""
    port: int = 8767
    """Port of the page; 0 takes a free one."""
    no_browser: bool = False
    """Do not open a browser."""
    seed: int = 0
    """Of which clips are asked about, and of the ensemble."""
    threads: int | None = 1
    """Processor threads."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import print_json, remark, say
        from telos.cli.threads import use_threads
        from telos.core.errors import ConfigError
        from telos.core.run import Run

        if self.fit and self.report:
            raise ConfigError("--fit and --report are two things.", fix="leave one of them out")
        if not self.name.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(f"A critic cannot be called '{self.name}'.", expected="letters, digits, - and _")
        if self.steps < 1:
            raise ConfigError(f"A clip of {self.steps} steps shows nothing.", expected="--steps of 1 or more")
        use_threads(self.threads)
        run = Run.open(self.run_folder)
        session = self.session(run)
        for line in session.read().damaged:
            remark(f"line {line} of {session.book.path} is damaged and was left out")
        if self.fit or self.report:
            session.fit()
        else:
            self._serve(run, session)
        status = {"name": self.name, **session.status(), "critic": str(run.path / "critics" / self.name), "answers_file": str(session.book.path)}
        if self.report:
            from telos.teaching.ratings.watch import draw_claims

            status["claims"] = session.pressure()
            status["picture"] = str(draw_claims(status["claims"], run.path / "ratings" / self.name / "claims.svg"))
        if self.json:
            print_json(status)
            return 0
        self._tell(status, say)
        return 0

    def session(self, run: Run) -> RatingSession:
        """What is to be rated."""
        from telos.core.errors import ConfigError
        from telos.data import Episodes
        from telos.recipes.experiment import load_agent
        from telos.recipes.knowledge import CRITICS, load_world_model
        from telos.recipes.run_logs import logs_of
        from telos.teaching.ratings.own_episodes import play_episodes
        from telos.teaching.ratings.session import RatingSession

        folder = run.path / "ratings" / self.name
        if self.clips == "agent":
            from telos.cli.worlds import world_of

            if self.data is not None:
                raise ConfigError("Clips come from the agent's own episodes, or from other logs.", fix="leave out --data, or --clips agent")
            logs = play_episodes(load_agent(run, seed=self.seed), world_of(run), folder / "episodes", episodes=self.episodes, seed=self.seed)
        else:
            logs = Episodes.open(self.data) if self.data is not None else logs_of(run)
        return RatingSession(
            folder=folder,
            critic_path=run.path / CRITICS / self.name,
            world_model=load_world_model(run),
            logs=logs,
            steps=self.steps,
            mode="scores" if self.scores else "pairs",
            source=f"the {self.clips if self.data is None else 'logs'}",
            pessimism=self.pessimism,
            seed=self.seed,
        )

    def _serve(self, run: Run, session: RatingSession) -> None:
        import webbrowser

        from telos.cli.terminal import remark
        from telos.core.errors import MissingExtraError, TelosError
        from telos.teaching.ratings.app import rating_app
        from telos.teaching.ratings.session import BackgroundFit

        try:
            import uvicorn
        except ImportError as error:
            raise MissingExtraError.of("uvicorn", extra="web", purpose="The page to rate on") from error
        world = None
        with suppress(TelosError):
            # Where the logs name no world, clips are shown as they were logged.
            from telos.cli.worlds import world_of

            world = world_of(run)
        listening = self._listen()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        remark(f"rate {self.run_folder} at {url}   stop with Ctrl-C; every answer is saved at once")
        with BackgroundFit(session) as fit, suppress(KeyboardInterrupt):
            app = rating_app(session, fit, title=f"{self.run_folder.name} · {self.name}", world=world)
            if not self.no_browser:
                webbrowser.open(url)
            uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])

    def _listen(self):
        import socket

        from telos.core.errors import ConfigError

        if not 0 <= self.port < 1 << 16:
            raise ConfigError(f"There is no port {self.port}.", expected="--port from 0 to 65535; 0 takes a free one")
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", self.port))
        except OSError as error:
            listening.close()
            raise ConfigError(f"127.0.0.1:{self.port} cannot be listened at: {error}.", fix="choose another --port; 0 takes a free one") from error
        listening.listen(16)
        return listening

    def _tell(self, status, say) -> None:
        """What came of it, for people."""
        from telos.cli.terminal import percent

        say(f"  answers   {status['answers']} in {status['answers_file']}")
        if status["checks"]:
            low, high = percent(status["agreement_low"]), percent(status["agreement_high"])
            say(f"  agrees    with {percent(status['agreement'])} of {status['checks']} answers that it had not seen (95 % interval {low} to {high})")
        if self.report:
            say(f"  picture   {status['picture']}")
        if Path(f"{status['critic']}.json").is_file():
            say(f"  critic    {status['critic']}.json")
            say(f"  next   telos evaluate {self.run_folder} --critic {self.name}")
        else:
            say(f"  critic    none so far: it takes 8 answers   next   telos rate {self.run_folder} --name {self.name}")
