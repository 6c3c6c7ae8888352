"""What holds for a whole run of the benchmark."""

import sys
from dataclasses import dataclass

import torch

from benchmarks.planning.sizes import FULL, LARGE, SMALL, TINY, Search, Size


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How, where and with what is measured."""

    rounds: int = 5
    """Rounds in which everybody takes a turn."""
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    compiled: bool = False
    quick: bool = False
    """Everything small and short: whether it runs, not how fast."""

    @property
    def sizes(self) -> tuple[Size, ...]:
        return (TINY,) if self.quick else (SMALL, LARGE)

    @property
    def search(self) -> Search:
        return Search(candidates=20, iterations=2, elites=3, horizon=4) if self.quick else FULL

    def tell(self, text: str) -> None:
        """What is going on, where somebody watches."""
        if sys.stderr.isatty():
            print(f"\r\033[K  {text}", end="", file=sys.stderr, flush=True)
