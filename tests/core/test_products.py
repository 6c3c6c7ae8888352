import pytest
import torch
from torch.nn import functional

from telos.core.layers import Linear, Perceptron
from telos.core.products import PackedProduct, activate, plain_products, product

SHAPES = [(1, 3, 4), (64, 18, 256), (300, 96, 384), (2, 150, 192, 256)]


@pytest.mark.parametrize("activation", ["none", "silu", "gelu"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_products_are_those_of_torch_to_rounding(shape, activation, bias):
    torch.manual_seed(0)
    *lead, size_in, size_out = shape
    value, weight, offset = torch.randn(*lead, size_in), torch.randn(size_out, size_in), torch.randn(size_out) if bias else None
    exact = activate(functional.linear(value.double(), weight.double(), None if offset is None else offset.double()), activation)
    for found in (product(value, weight, offset, activation), PackedProduct.of(weight, offset, activation)(value)):
        torch.testing.assert_close(found.double(), exact, atol=2e-5 * size_in**0.5, rtol=1e-5)


@torch.no_grad()
def test_a_comparison_may_ask_for_torch_s_own_products_to_the_last_bit():
    torch.manual_seed(0)
    value, layer = torch.randn(400, 96), Linear(96, 256)
    packed = PackedProduct.of(layer.weight, layer.bias)
    with plain_products():
        assert torch.equal(layer(value), functional.linear(value, layer.weight, layer.bias))
        assert torch.equal(packed(value), functional.linear(value, layer.weight, layer.bias))
    torch.testing.assert_close(layer(value), functional.linear(value, layer.weight, layer.bias), atol=1e-5, rtol=1e-5)


def test_packed_weights_that_are_still_learned_pass_gradients_on():
    torch.manual_seed(0)
    layer, value = Linear(96, 256), torch.randn(400, 96)
    wanted = torch.autograd.grad(functional.linear(value, layer.weight, layer.bias).square().sum(), layer.parameters())
    found = torch.autograd.grad(PackedProduct.live(layer.weight, layer.bias)(value).square().sum(), layer.parameters())
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@torch.no_grad()
def test_other_precisions_take_the_plain_way(dtype):
    value, layer = torch.randn(400, 96, dtype=dtype), Linear(96, 256).to(dtype)
    assert torch.equal(layer(value), functional.linear(value, layer.weight, layer.bias))


def test_a_perceptron_is_its_layers_one_after_the_other():
    torch.manual_seed(0)
    network, value = Perceptron(96, [256, 128], 5), torch.randn(300, 96)
    expected = value
    for layer in network:
        expected = layer(expected)
    with torch.no_grad():
        torch.testing.assert_close(network(value), expected, atol=1e-5, rtol=1e-5)
    assert list(network.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]
