"""Reading a crash, or a speed, from what is imagined, and not only from what is seen.

The usual readouts are taught from frames that were seen. A model that expects the mean of what may happen imagines beliefs that no frame ever
gave, half a crash for instance; here readouts are shown what was imagined along the logs, beside what really came of it.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from telos.agent.readouts import PerceptronReadout, PerceptronReadoutConfig, ReadoutDescription
from telos.core.contracts import AbstractWorldModel
from telos.core.readouts import Fidelity
from telos.core.run import Run
from telos.core.taught import save_taught
from telos.core.weights import fingerprint
from telos.data import Episodes
from telos.recipes.experiment import open_logs, stores_of
from telos.recipes.knowledge import READOUTS, load_world_model

NUM_STEPS, BATCH, WIDTH = 3000, 512, 192
ODDS = "log odds"
HELD_OUT = 10
"""Every so-manieth episode tells how well a quantity is read, and teaches nothing."""


def teach_ahead(run: Run | Path, logs: list[Path], column: str, *, unit: str, horizon: int, seed: int = 0) -> PerceptronReadout:
    """Teaches a run to read `info/COLUMN` from beliefs seen and imagined, and keeps the readout in place of one of that name.

    With `log odds` for a unit the column tells whether something is so, and what is read are the odds of it.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    model = load_world_model(run).requires_grad_(False)
    parts = [_examples(model, store, column, horizon) for store in stores_of(open_logs(logs))]
    beliefs, values, held = (torch.cat(found) for found in zip(*parts, strict=True))
    torch.manual_seed(seed)
    config = PerceptronReadoutConfig(widths=(WIDTH, WIDTH))
    readout = config.build(name=column, unit=unit, size=1, belief_size=beliefs.shape[1])
    odds = unit == ODDS
    _fit(readout.map, beliefs[~held], values[~held], odds, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        read = readout(beliefs[held])[:, 0]
    error = float(((read.sigmoid() if odds else read) - values[held]).square().mean().sqrt())
    floor = float(values[held].std())
    readout.fidelity = Fidelity(error=error, floor=floor, untrained=floor, num_labels=int((~held).sum()), readable=error < floor)
    about = {
        "name": column,
        "unit": unit,
        "size": 1,
        "belief_size": beliefs.shape[1],
        "fidelity": readout.fidelity,
        "source": f"column info/{column}",
    }
    save_taught(run.path / READOUTS / column, ReadoutDescription(kind=config, **about), readout, tie=fingerprint(model))
    return readout


@torch.no_grad()
def _examples(
    model: AbstractWorldModel, store: Episodes, column: str, horizon: int
) -> tuple[Float[Tensor, "examples belief"], Float[Tensor, " examples"], Bool[Tensor, " examples"]]:
    """Beliefs, seen and imagined up to `horizon` steps ahead from every frame; what was true of each; and which of them only judge."""
    column_values = torch.from_numpy(np.array(store.rows(f"info/{column}"), np.float32)).flatten()
    first, found = 0, []
    for number in range(store.num_episodes):
        piece = store.episode(number)
        steps = piece.num_steps
        values = column_values[first : first + steps + 1]
        first += steps + 1
        seen = model.observe(None, None, torch.from_numpy(np.array(piece.observations)))
        actions = torch.from_numpy(np.array(piece.actions))
        beliefs, true = [seen.belief], [values]
        # Windows that reach beyond the end of the episode are filled up, and what is imagined there is dropped.
        ahead = torch.arange(steps)[:, None] + torch.arange(horizon + 1)
        states = seen.select(ahead.clamp(max=steps))
        rollout = model.explain(states.at(0), states, actions[ahead[:, :-1].clamp(max=steps - 1)])
        inside = ahead[:, 1:] <= steps
        beliefs.append(rollout.belief[inside])
        true.append(values[ahead[:, 1:].clamp(max=steps)][inside])
        examples = torch.cat(true)
        found.append((torch.cat(beliefs), examples, torch.full((len(examples),), number % HELD_OUT == 0)))
    return tuple(torch.cat(part) for part in zip(*found, strict=True))  # type: ignore[return-value]


def _fit(net: nn.Module, beliefs: Tensor, values: Tensor, odds: bool, generator: torch.Generator) -> None:
    """By least squares, or by the likelihood of what is so or not."""
    mean, scale = (values.new_zeros(()), values.new_ones(())) if odds else (values.mean(), values.std())
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, NUM_STEPS)
    for _ in range(NUM_STEPS):
        rows = torch.randint(len(beliefs), (BATCH,), generator=generator)
        found, true = net(beliefs[rows])[:, 0], (values[rows] - mean) / scale
        loss = functional.binary_cross_entropy_with_logits(found, true) if odds else (found - true).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    last = net[-1]
    with torch.no_grad():
        last.weight.mul_(scale)
        last.bias.mul_(scale).add_(mean)
