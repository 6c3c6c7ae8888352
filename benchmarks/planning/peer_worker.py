"""Runs in the peers' environment, which knows nothing of Telos: answers requests, one JSON object a line, until its input ends.

{"do": "build", "library": "torch-world" | "pyjepa", "size": {...}, "device": "cpu", "dtype": "float32", "save": "weights.pt"}
    Random weights of that size; `save` receives the state dict. Answers {"parameters": ...}.
{"do": "plan", "library": ..., "inputs": "inputs.pt", "start": "frames" | "latents", "candidates": ..., "iterations": ..., ...}
    One plan by the library's own planner. Answers {"seconds": ..., "faults": ...}: CPU seconds, or seconds of a GPU, and pages of memory asked for.
{"do": "energies", "library": ..., "inputs": "inputs.pt"}
    Answers {"energies": [...]}: of the candidates that the inputs hold.

Inputs, by torch.save: frames `[batch history height width 3]` and goals `[batch height width 3]` (uint8), past `[batch history-1 action]`,
candidates `[num horizon action]`.
"""

import json
import resource
import sys
import time
import traceback

import torch

MODELS = {}


class TorchWorld:
    """torch-world: context and goal are encoded once, every step of a rollout runs the whole window again."""

    def __init__(self, size):
        from torch_world.models.jepa import LeWM

        self.model = LeWM(
            make_encoder(size),
            size["action"],
            embed_dim=size["width"],
            history=size["history"],
            depth=size["depth"],
            num_heads=size["heads"],
            head_dim=size["head_size"],
            mlp_dim=size["hidden"],
            proj_dim=size["projection"],
        )

    def latents(self, frames):
        return self.model.encode(frames)

    def plan(self, frames, goals, past, ask):
        """The planner's call, apart from the encoding of `frames` and `goals`: both come as pictures or as latents."""
        from torch_world.planning.cem import CEM

        context, goal = (self.latents(part) if part.ndim == 5 else part for part in (frames, goals))
        planner = CEM(ask["horizon"], past.shape[-1], ask["candidates"], ask["elites"], ask["iterations"], bounds=(-1.0, 1.0))
        return planner(self.model, context, goal[:, 0], past_actions=past)

    def energies(self, frames, goals, past, candidates):
        num = len(candidates)
        context, goal = (self.latents(part).repeat_interleave(num, dim=0) for part in (frames, goals))
        rollout = self.model.rollout(context, torch.cat([past.repeat_interleave(num, dim=0), candidates], dim=1))
        return self.model.cost(rollout, goal[:, 0])


class PyJEPA:
    """pyjepa: context and goal are encoded again in every round; the actions between the context's frames are searched along."""

    def __init__(self, size):
        from pyjepa.models import build_lewm

        self.model = build_lewm(
            make_encoder(size),
            action_dim=size["action"],
            history_size=size["history"],
            pred_depth=size["depth"],
            pred_heads=size["heads"],
            pred_dim_head=size["head_size"],
            pred_mlp_dim=size["hidden"],
            emb_dim=size["width"],
            action_emb_dim=size["width"],
            projector_hidden=size["projection"],
            projector_norm=torch.nn.BatchNorm1d,
        )

    def latents(self, frames):
        return self.model.encode({"pixels": frames})["emb"]

    def plan(self, frames, goals, past, ask):
        from pyjepa.planning import CEMConfig, CEMPlanner

        # Its planner has no place for past actions: with so many steps more, as many latents are predicted as elsewhere.
        steps = ask["horizon"] + past.shape[1]
        settings = CEMConfig(
            horizon=steps, num_samples=ask["candidates"], num_elites=ask["elites"], num_iters=ask["iterations"], action_dim=past.shape[-1]
        )
        return CEMPlanner(settings)(self.model, {"pixels": frames, "goal": goals})[past.shape[1] :]

    def energies(self, frames, goals, past, candidates):
        num = len(candidates)
        actions = torch.cat([past.expand(num, -1, -1), candidates], dim=1)[None]
        around = {name: part[:, None].expand(-1, num, *part.shape[1:]) for name, part in (("pixels", frames), ("goal", goals))}
        # Its cost is a sum over the latent's numbers, elsewhere it is their mean.
        return self.model.get_cost(around, actions)[0] / self.latents(frames).shape[-1]


LIBRARIES = {"torch-world": TorchWorld, "pyjepa": PyJEPA}


def make_encoder(size):
    """The same vision transformer for both: pyjepa takes any encoder, and its own has no class token."""
    from torch_world.nn.encoders import CLSEncoder

    return CLSEncoder(size["picture"], size["patch"], embed_dim=size["width"], depth=size["encoder_depth"], num_heads=size["encoder_heads"])


def randomize(model):
    """Weights as large as trained ones: with those of a fresh model, gates of zero among them, all actions lead to the same place."""
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and name.endswith("weight"):
            parameter.normal_(std=parameter[0].numel() ** -0.5)
        elif parameter.ndim == 1:
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)


def build(ask):
    torch.manual_seed(ask.get("seed", 0))
    peer = LIBRARIES[ask["library"]](ask["size"])
    peer.model.eval()
    randomize(peer.model)
    if ask.get("save"):
        torch.save(peer.model.state_dict(), ask["save"])
    peer.model.to(device=ask["device"], dtype=getattr(torch, ask["dtype"]))
    MODELS[ask["library"]] = peer
    return {"parameters": sum(parameter.numel() for parameter in peer.model.parameters())}


def load_inputs(ask, peer):
    """Pictures as both libraries want them: channels first, numbers from 0 to 1."""
    like = next(peer.model.parameters())
    inputs = torch.load(ask["inputs"], weights_only=True)
    pictures = ((inputs[name].movedim(-1, -3) / 255).to(like) for name in ("frames", "goals"))
    frames, goals = pictures
    return frames, goals[:, None], inputs["past"].to(like), inputs["candidates"].to(like)


def plan(ask):
    peer = MODELS[ask["library"]]
    frames, goals, past, _ = load_inputs(ask, peer)
    if ask["start"] == "latents":
        frames, goals = peer.latents(frames), peer.latents(goals)
    torch.manual_seed(ask.get("seed", 0))
    started, faults = now(frames), page_faults()
    peer.plan(frames, goals, past, ask)
    return {"seconds": now(frames) - started, "faults": page_faults() - faults}


def energies(ask):
    peer = MODELS[ask["library"]]
    return {"energies": peer.energies(*load_inputs(ask, peer)).float().tolist()}


def page_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def now(tensor):
    """CPU seconds of this process; on a GPU what the clock says once all work is done."""
    if tensor.device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(tensor.device)
    return time.perf_counter()


def main():
    torch.set_num_threads(1)
    for line in sys.stdin:
        try:
            ask = json.loads(line)
            with torch.no_grad():
                answer = {"build": build, "plan": plan, "energies": energies}[ask["do"]](ask)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
