"""Whole experiments: which model, trained how, planning how."""

from telos.recipes.recipe import Recipe
from telos.recipes.standard import default, pixels, recurrent, scenery, sigreg, vector

STANDARD = {recipe.__name__: recipe for recipe in (default, pixels, recurrent, scenery, sigreg, vector)}
"""The names that `telos train --recipe` knows."""

__all__ = ["STANDARD", "Recipe", "default", "pixels", "recurrent", "scenery", "sigreg", "vector"]
