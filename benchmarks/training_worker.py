"""One side of `benchmarks/training.py`, in a process of its own: `python training_worker.py telos|torch-world SIZES`.

It reads a number of steps from each line of its input, trains so many, and answers with the CPU seconds that they took (all
threads), until its input ends. The torch-world side runs in the peers' environment and imports nothing of ours.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

EPISODES, STEPS = 100, 40
"""Of the logs: random pictures, about 50 MB."""


def steps_asked_for() -> Iterator[int]:
    """The number of steps to train next; between two of them, the answer is written."""
    for line in sys.stdin:
        started = time.process_time()
        yield int(line)
        print(json.dumps({"seconds": time.process_time() - started}), flush=True)


def random_logs(size: dict) -> tuple[np.ndarray, np.ndarray]:
    """Pictures `[episodes time+1 height width 3]` and actions `[episodes time action]`."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (EPISODES, STEPS + 1, size["picture"], size["picture"], 3), dtype=np.uint8)
    return pictures, rng.uniform(-1, 1, (EPISODES, STEPS, size["action"])).astype(np.float32)


def train_telos(size: dict) -> None:
    """A store on the disk, and the trainer as every recipe runs it."""
    from lightning_fabric import Fabric

    from telos.agent.perception import EncoderConfig, ViTConfig
    from telos.agent.world_model import JEPAConfig, TransformerPredictorConfig
    from telos.core.run import Run
    from telos.core.spaces import PixelSpace, Spaces, VectorSpace
    from telos.data import Episodes, EpisodeWriter, split
    from telos.training import Curriculum, Phase
    from telos.training.objectives import Prediction, SIGReg
    from telos.training.trainer import Trainer

    spaces = Spaces(PixelSpace(size["picture"], size["picture"]), VectorSpace(size["action"], (-1.0,) * size["action"], (1.0,) * size["action"]))
    encoder = EncoderConfig(
        pixels=ViTConfig(
            patch=size["patch"], width=size["width"], depth=size["encoder_depth"], num_heads=size["encoder_heads"], head_hidden=size["projection"]
        )
    )
    predictor = TransformerPredictorConfig(
        history=size["history"],
        depth=size["depth"],
        num_heads=size["heads"],
        head_size=size["head_size"],
        hidden=size["hidden"],
        output_hidden=size["projection"],
    )
    torch.manual_seed(0)
    model = JEPAConfig(encoder=encoder, predictor=predictor, latent_size=size["width"]).build(spaces)
    objectives = (Prediction(), SIGReg(weight=size["sigreg"], num_directions=size["slices"], num_points=size["knots"]))
    phase = Phase(name="all", num_steps=10**6, batch_size=size["batch"], window=size["history"], objectives=objectives, imagines="each step")
    curriculum = Curriculum(phases=(phase,), log_every=10**6)
    asked = steps_asked_for()
    left = next(asked)

    def watch(progress) -> None:
        nonlocal left
        left -= 1
        while left == 0:
            left = next(asked)

    with tempfile.TemporaryDirectory() as folder:
        with EpisodeWriter(Path(folder) / "store", spaces) as writer:
            for pictures, actions in zip(*random_logs(size), strict=True):
                writer.add(pictures, actions)
        training, held_out = split(Episodes.open(Path(folder) / "store"))
        run = Run.create(Path(folder) / "run", {})
        fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
        Trainer(run=run, world_model=model, logs=training, held_out=held_out, curriculum=curriculum, seed=0, fabric=fabric, watcher=watch).fit()


def train_torch_world(size: dict) -> None:
    """Its best case: its own windows of tensors that lie in memory as it wants them, and the plainest loop."""
    from torch_world.datasets.trajectories import TrajectoryDataset
    from torch_world.losses.sigreg import SIGReg
    from torch_world.models.jepa import LeWM
    from torch_world.nn.encoders import CLSEncoder

    torch.manual_seed(0)
    encoder = CLSEncoder(size["picture"], size["patch"], embed_dim=size["width"], depth=size["encoder_depth"], num_heads=size["encoder_heads"])
    model = LeWM(
        encoder,
        size["action"],
        embed_dim=size["width"],
        history=size["history"],
        depth=size["depth"],
        num_heads=size["heads"],
        head_dim=size["head_size"],
        mlp_dim=size["hidden"],
        proj_dim=size["projection"],
        dropout=0.0,
        lamb=size["sigreg"],
        sigreg=SIGReg(num_slices=size["slices"], knots=size["knots"]),
    )
    pictures, actions = (torch.from_numpy(part) for part in random_logs(size))
    pictures = (pictures[:, :-1].permute(0, 1, 4, 2, 3).float() / 255).contiguous()
    dataset = TrajectoryDataset({"pixels": pictures, "actions": actions}, size["history"] + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for num_steps in steps_asked_for():
        for _ in range(num_steps):
            windows = [dataset[int(place)] for place in torch.randint(len(dataset), (size["batch"],))]
            batch = {name: torch.stack([window[name] for window in windows]) for name in ("pixels", "actions")}
            loss = model(batch["pixels"], batch["actions"])["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"telos": train_telos, "torch-world": train_torch_world}[sys.argv[1]](json.loads(sys.argv[2]))
