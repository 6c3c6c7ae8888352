"""What the model knows: how far ahead it sees, what its numbers mean, how it learned."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from telos.evaluation.report import colours, curves, maps, tables
from telos.evaluation.report.footage import Footage
from telos.evaluation.report.latent_map import LatentMap
from telos.evaluation.report.page import Section
from telos.evaluation.report.screen import screen
from telos.evaluation.report.strip import filmstrip


def dream_film(dream: Footage) -> Section:
    """The film of a held-out episode, where there is no world to act in."""
    says = (
        "Left, a recorded episode that the model was not trained on. Right, how the model imagines it with eyes closed: it was shown the first "
        "frame only, and is told the actions."
    )
    return Section(title="", says=says, body=screen(dream, ("what happened", "what it imagined")), note="The episode was drawn by lot.")


def imagination(open_loop: Mapping[str, Any], dream: Footage | None) -> Section:
    """Open-loop error beside its floor, and an episode that was imagined with closed eyes."""
    says = (
        "The model is shown one frame of an episode that it was not trained on, is told the actions that follow, and has to imagine the rest. "
        "The dashed line is the error of claiming that nothing ever moves; the closer to 0, the better."
    )
    ahead, error = len(open_loop["relative"]), 100 * open_loop["relative"][-1]
    note = f"After {ahead} imagined steps, its error is {error:.1f} % of that of the dashed line."
    body = curves.open_loop_chart(open_loop)
    if dream is not None:
        body += filmstrip(dream) if dream.pictures is not None else curves.number_charts(dream)
        note += " Below the curves, one such episode, drawn by lot: what happened, and what was imagined of it from step 0 on."
    return Section(title="How far ahead it sees", says=says, body=body, note=note)


def latents(latent_map: LatentMap | None, probes: Sequence[Mapping[str, Any]], latent_size: int) -> Section:
    """The latent map, and the probes with their floors."""
    says = f"Every frame becomes {latent_size} numbers (its latent), and nobody told the model which."
    if latent_map is not None:
        says += (
            f" Each dot is a frame; its colour says what the {escape(latent_map.quantity)} truly was. Where colours flow, neighbours in the world "
            "have become neighbours in those numbers; a jumble would mean that the model does not know."
        )
    note = ""
    if probes:
        note = (
            "R²: the share of a true quantity's variance that can be read from the numbers, in episodes held out; of an "
            "angle, of its direction; 1 is perfect, 0 or less is "
            "nothing. What an untrained encoder, or PCA of the bare observation, gives away is no merit of the training."
        )
    body = ("" if latent_map is None else _maps(latent_map, latent_size)) + (tables.probe_table(probes) if probes else "")
    return Section(title="What its numbers mean", says=says, body=body, note=note)


def _maps(latent_map: LatentMap, latent_size: int) -> str:
    true, name = latent_map.true, escape(latent_map.quantity)
    low, high = true.min(axis=0), true.max(axis=0)
    places = (true - low) / np.maximum(high - low, 1e-9)
    in_plane = true.shape[1] == 2
    shades = [colours.css(colour) for colour in (colours.plane(places) if in_plane else colours.ramp(places[:, 0]))]
    share = f"{100 * latent_map.share:.0f} %"
    principal = (latent_map.principal, f"The numbers, along the two of {latent_size} directions in which they vary most ({share} of the variance).")
    if not in_plane:
        return f'<div class="two">{_scatter(*principal, shades)}</div>'
    views = (
        (true, f"The true {name}, which the model was never told."),
        principal,
        (latent_map.readout, f"The same numbers from the side that shows the {name} best (found on other episodes)."),
    )
    return f'<div class="three">{"".join(_scatter(points, caption, shades) for points, caption in views)}</div>'


def _scatter(points: np.ndarray, caption: str, shades: Sequence[str]) -> str:
    return f"<figure>{maps.scatter(points, shades, caption)}<figcaption>{caption}</figcaption></figure>"


def learning(metrics: Sequence[Mapping[str, Any]]) -> Section:
    """Curves of training."""
    says = (
        "Training, from left to right. The error should sink far below the dashed line, and rank and deviation should stay up: a model that "
        "gives every frame the same numbers would predict them without any error, and know nothing."
    )
    phases = list(dict.fromkeys(line["phase"] for line in metrics))
    names = "; ".join(f"{number}, {escape(name)}" for number, name in enumerate(phases, start=1))
    note = f"Phases: {names}. Errors are taken over as many steps as the windows of a phase have, so they jump where another phase begins."
    return Section(title="How it learned", says=says, body=curves.training_charts(metrics), note=note)
