import pytest
import torch

from telos.agent.perception import ConvolutionalConfig, ViTConfig
from telos.core import pieces
from telos.core.logs import Moments
from telos.core.spaces import PixelSpace

MOMENTS = {"observation": Moments(mean=(100.0, 120.0, 140.0), std=(50.0, 60.0, 40.0))}


@pytest.mark.parametrize("config", [ConvolutionalConfig(), ViTConfig(width=16, depth=2, num_heads=2)], ids=lambda config: type(config).__name__)
def test_pictures_in_pieces_give_the_latents_and_the_gradient_of_all_at_once(config, monkeypatch):
    torch.manual_seed(0)
    encoder = config.build(PixelSpace(16, 16), 4, MOMENTS).double()
    pictures = torch.randint(0, 256, (10, 16, 16, 3), dtype=torch.uint8)

    def latents_and_slopes():
        latents = encoder(pictures)
        return latents.detach(), torch.autograd.grad(latents.square().sum(), list(encoder.parameters()))

    whole = latents_and_slopes()
    seen = []
    encoder.normalization.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    monkeypatch.setattr(pieces, "PIXELS_AT_ONCE", 4 * 16 * 16)
    torch.testing.assert_close(latents_and_slopes(), whole, rtol=1e-9, atol=1e-12)
    assert seen == [4, 4, 2]
