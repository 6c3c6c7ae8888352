"""What holds for every test: the shapes in signatures are checked. It has to begin before anything of `telos` is imported."""

import shapes

shapes.install()
