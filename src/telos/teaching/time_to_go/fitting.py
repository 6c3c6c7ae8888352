"""The one loop in which critics of time learn, whatever they are taught."""

from collections.abc import Callable

import torch

from telos.core.levels import AbstractTimeToGo
from telos.core.seeding import numpy_generator
from telos.teaching.time_to_go.lessons import AbstractLesson
from telos.teaching.time_to_go.logged import LoggedLatents

BATCH = 512
LEARNING_RATE = 1e-3
WARMUP = 100
CLIP = 1.0
Progress = Callable[[str, int, int], None]


def learn(
    critic: AbstractTimeToGo, lesson: AbstractLesson, logged: LoggedLatents, *, steps: int, seed: int = 0, progress: Progress | None = None
) -> float:
    """Fits the critic to the lesson, in place; the loss of the last tenth of all steps."""
    rng = numpy_generator(seed, "time to go")
    groups = [{"params": list(critic.parameters())}, {"params": lesson.parameters(), "lr": 10 * LEARNING_RATE}]
    optimizer = torch.optim.Adam([group for group in groups if group["params"]], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / WARMUP, 2 * (1 - step / steps)))
    critic.train()
    late = []
    for step in range(steps):
        loss = lesson.loss(critic, logged, rng, BATCH)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(critic.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        lesson.after_step(critic)
        if step >= 0.9 * steps:
            late.append(float(loss.detach()))
        if progress is not None and (step + 1) % 50 == 0:
            progress("learn", step + 1, steps)
    critic.requires_grad_(False).eval()
    return sum(late) / max(len(late), 1)
