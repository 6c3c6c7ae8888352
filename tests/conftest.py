"""What holds for every test: the shapes in signatures are checked. It has to begin before anything of `telos` is imported."""

import shapes
import torch

shapes.install()
# Tests are many small products; threads would only wait for one another.
torch.set_num_threads(1)
