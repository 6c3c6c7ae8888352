"""Whole experiments: which model, trained how, planning how."""

from telos.recipes.chance import chance, noise
from telos.recipes.contact import contact
from telos.recipes.doors import doors
from telos.recipes.ensemble import ensemble
from telos.recipes.far import far
from telos.recipes.play import play
from telos.recipes.pretrained import pretrained
from telos.recipes.recipe import Recipe
from telos.recipes.standard import clips, default, filtering, pixels, recurrent, robust, scenery, sigreg, vector
from telos.recipes.touch import touch
from telos.recipes.transformer import transformer
from telos.recipes.walls import walls

STANDARD = {
    recipe.__name__: recipe
    for recipe in (
        chance,
        clips,
        contact,
        default,
        doors,
        ensemble,
        far,
        filtering,
        noise,
        pixels,
        play,
        recurrent,
        robust,
        scenery,
        sigreg,
        touch,
        transformer,
        vector,
        walls,
    )
}
"""The names that `telos train --recipe` knows; `pretrained` comes with its weights: `--weights FILE`."""

__all__ = [
    "STANDARD",
    "Recipe",
    "chance",
    "clips",
    "contact",
    "default",
    "doors",
    "ensemble",
    "far",
    "filtering",
    "noise",
    "pixels",
    "play",
    "pretrained",
    "recurrent",
    "robust",
    "scenery",
    "sigreg",
    "touch",
    "transformer",
    "vector",
    "walls",
]
