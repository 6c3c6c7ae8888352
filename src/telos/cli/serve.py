"""`telos serve`: the agent of a run, over HTTP."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from telos.cli.acting import Acting

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Answer observations with actions over HTTP, on this machine: with a deadline, limits, and a watchdog that falls back."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    host: str = "127.0.0.1"
    """Address to listen at; other machines are let in with --expose only."""
    port: int = 8765
    """Port; 0 takes a free one."""
    expose: bool = False
    """Listen at an address that other machines reach. There is no password: whoever reaches it moves the robot."""
    deadline_ms: float = 100.0
    """From the arrival of a request to its answer; planning gets 60 % of it."""
    stale_ms: float = 250.0
    """Oldest frame that is planned from."""
    watchdog_ms: float = 1000.0
    """Silence after which a session falls back."""
    slew: float | None = None
    """Largest change of each action number from one action to the next, as a share of its range."""
    fallback: Literal["zero", "hold"] | None = None
    """What to do without a plan: zero, brought into the bounds, or hold the last action. By default zero if well inside them, hold for choices."""
    max_bytes: int | None = None
    """Largest body of a request; by default what an observation needs as JSON."""
    max_sessions: int = 8
    """Sessions at once."""
    acting: Acting = Acting()
    seed: int = 0
    """Of planning."""
    threads: int | None = 1
    """Processor threads of a plan."""

    def run(self) -> int:
        from telos.cli.terminal import remark
        from telos.core.errors import ConfigError, MissingExtraError

        if self.host not in LOOPBACK and not self.expose:
            raise ConfigError(f"{self.host} lets other machines in.", fix="--host 127.0.0.1, or --expose if that is what you want")
        try:
            import uvicorn
        except ImportError as error:
            raise MissingExtraError.of("uvicorn", extra="serve", purpose="Serving actions over HTTP") from error
        server = self.server()
        listening = self._listen()
        address = listening.getsockname()
        url = f"http://[{address[0]}]:{address[1]}" if ":" in address[0] else f"http://{address[0]}:{address[1]}"
        remark(f"serving {self.run_folder} at {url}   stop with Ctrl-C")
        remark(f"  limits deadline {self.deadline_ms:g} ms, fallback {server.limits.fallback}")
        remark(f"  next   curl {url}/spaces")
        # Being told to stop is how a server ends; uvicorn repeats the signal once it is through.
        with suppress(KeyboardInterrupt):
            uvicorn.Server(uvicorn.Config(server.app(), log_level="warning", access_log=False)).run(sockets=[listening])
        return 0

    def server(self):
        """The server of this run, not yet listening."""
        from telos.cli.threads import use_threads
        from telos.core.run import Run
        from telos.serving.app import Server
        from telos.serving.limits import ActionLimits, usual_fallback
        from telos.serving.settings import ServingSettings

        run = Run.open(self.run_folder)
        use_threads(self.threads)
        first = self.acting.load(run, seed=self.seed, budget_ms=PLANNING_SHARE * self.deadline_ms)
        action = first.world_model.spaces.action
        settings = ServingSettings(
            deadline_ms=self.deadline_ms,
            stale_ms=self.stale_ms,
            watchdog_ms=self.watchdog_ms,
            max_bytes=self.max_bytes or _enough_bytes(first.world_model.spaces.observation),
            max_sessions=self.max_sessions,
        )

        def another():
            own = {"guardrails": first.guardrails, "drives": first.drives, "configurator": first.configurator}
            return type(first)(first.knowledge, first.settings, seed=self.seed, **own)

        return Server(another, ActionLimits(action, self.slew, self.fallback or usual_fallback(action)), settings)

    def _listen(self):
        import socket

        from telos.core.errors import ConfigError

        if not 0 <= self.port < 1 << 16:
            # Looking it up would wrap it round to a port that nobody asked for.
            raise ConfigError(f"There is no port {self.port}.", expected="--port from 0 to 65535; 0 takes a free one")
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            listening = socket.socket(found[0], found[1], found[2])
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(found[4])
        except OSError as error:
            raise ConfigError(f"{self.host}:{self.port} cannot be listened at: {error}.", fix="choose another --port; 0 takes a free one") from error
        listening.listen(128)
        return listening


PLANNING_SHARE = 0.6
"""Of the deadline; the rest is for reading the observation and encoding it, and for a round that takes longer than the ones before."""
BYTES_PER_NUMBER, LEAST_BYTES = 32, 1 << 16


def _enough_bytes(space) -> int:
    """What an observation takes as JSON, with room to spare."""
    import math

    from telos.core.spaces import TreeSpace

    leaves = space.spaces.values() if isinstance(space, TreeSpace) else [space]
    return max(LEAST_BYTES, BYTES_PER_NUMBER * sum(math.prod(leaf.shape) for leaf in leaves))
