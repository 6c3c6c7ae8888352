"""`telos remember`: find out what is worth remembering, for an episodic memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Remember:
    """Teach a run, on held-out episodes, by how much its model is usually wrong: what is farther off is worth remembering."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    slots: int = 8
    """Things that are remembered at once; the weakest makes room."""
    half_life: float | None = None
    """Steps after which a memory that is not seen to be true again is believed half as much; by default it stays."""
    alpha: float = 0.005
    """Share of usual steps that may be taken for something new."""
    seed: int = 0
    """Of the steps that are looked at."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.taught import taught_to_act
        from telos.cli.terminal import print_json, say
        from telos.cli.threads import use_threads
        from telos.core.run import Run
        from telos.teaching.memory import teach_memory

        run = Run.open(self.run_folder)
        use_threads(self.threads)
        teach_memory(run, slots=self.slots, half_life=self.half_life, alpha=self.alpha, seed=self.seed)
        told = taught_to_act(run)["memory"]
        assert told is not None
        if self.json:
            print_json({"run": str(run.path), "seed": self.seed, "alpha": self.alpha, **told})
            return 0
        say(f"  new       is what lies more than {told['threshold']:.3g} from what was expected: {100 * self.alpha:g} % of the usual steps")
        say(f"  near      is what lies within {told['latent_reach']:.3g} in the latents; {told['slots']} things are remembered at once")
        say(f"  kept      {run.path / 'memory'}: json and safetensors")
        say(f"  next      telos evaluate {run.path} --memory episode")
        return 0
