"""How a level is trained, whichever level it is."""

from dataclasses import dataclass

from telos.core.errors import ConfigError
from telos.training import CollapseWatch, Curriculum, Phase
from telos.training.objectives import LatentInformation, Prediction, Smoothness, Volume


@dataclass(frozen=True, kw_only=True)
class LevelRecipe:
    """Sizes of a level, and how long it is trained.

    Raises:
        ConfigError: the price of a nat is negative, or a number of steps below 1.
    """

    latent_size: int = 16
    """Numbers in its latents."""
    macro_size: int = 4
    """Numbers in a macro-action."""
    width: int = 256
    """Neurons in each hidden layer of its networks."""
    bound: float = 2.0
    """Plans hold macro-actions within so many deviations of what logs hold."""
    num_landmarks: int = 1000
    """Real states that subgoals are drawn to."""
    price: float = 0.02
    """What a nat that a macro-action tells costs, in units of the latent's mean squared error; at 0 it may tell all."""
    num_steps: tuple[int, int, int] = (1200, 1500, 1000)
    """Batches of each phase: perception and dynamics together, single steps, rollouts."""
    num_joint_steps: int = 800
    """Batches in which all levels are trained together, where that is asked for."""
    joint_batch: int = 128
    """Windows in each of these; they are as long as two steps of the highest level."""

    def __post_init__(self) -> None:
        if not self.price >= 0:
            raise ConfigError(f"The price of a nat is {self.price}.", expected="a number of 0 or more")
        if min(*self.num_steps, self.num_joint_steps, self.joint_batch) < 1:
            counts = f"{self.num_steps} and {self.num_joint_steps} steps, the latter of {self.joint_batch} windows"
            raise ConfigError(f"The phases of a level have {counts}.", expected="1 or more each")

    def curriculum(self, longest: int) -> Curriculum:
        """Perception first, by how fast things change; then, as for the world model itself, dynamics alone.

        Args:
            longest: steps, at the level's clock, in the longest episode: no window is longer.
        """
        told = LatentInformation(weight=self.price)
        slow = (Prediction(), Volume(), Smoothness(), told)
        foresight = (Prediction(), told)
        perception, single, rollouts = self.num_steps
        return Curriculum(
            phases=(
                Phase(
                    name="perception and dynamics",
                    num_steps=perception,
                    batch_size=512,
                    window=min(2, longest),
                    objectives=slow,
                    learning_rate=2e-3,
                ),
                Phase(
                    name="dynamics, single steps",
                    trains="dynamics",
                    num_steps=single,
                    batch_size=1024,
                    window=1,
                    objectives=foresight,
                    weight_decay=1e-4,
                ),
                Phase(
                    name="dynamics, rollouts",
                    trains="dynamics",
                    num_steps=rollouts,
                    batch_size=256,
                    window=min(4, longest),
                    objectives=foresight,
                    weight_decay=1e-4,
                ),
            ),
            log_every=100,
            # With the start of another window a macro-action far outside of its box would be needed: that it tells all then says nothing of plans.
            watch=CollapseWatch(least_blind_error=0.0, in_hindsight=True),
        )
