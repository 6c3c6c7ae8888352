"""LeWorldModels that others have trained, as world models and runs of ours."""

from telos.recipes.lewm.importing import import_lewm
from telos.recipes.lewm.loading import load_lewm
from telos.recipes.lewm.sizes import Untold

__all__ = ["Untold", "import_lewm", "load_lewm"]
