"""Whole experiments: which model, trained how, planning how."""

from telos.recipes.contact import contact
from telos.recipes.pretrained import pretrained
from telos.recipes.recipe import Recipe
from telos.recipes.standard import clips, default, pixels, recurrent, robust, scenery, sigreg, vector
from telos.recipes.touch import touch
from telos.recipes.transformer import transformer
from telos.recipes.walls import walls

STANDARD = {
    recipe.__name__: recipe for recipe in (clips, contact, default, pixels, recurrent, robust, scenery, sigreg, touch, transformer, vector, walls)
}
"""The names that `telos train --recipe` knows; `pretrained` comes with its weights: `--weights FILE`."""

__all__ = [
    "STANDARD",
    "Recipe",
    "clips",
    "contact",
    "default",
    "pixels",
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
